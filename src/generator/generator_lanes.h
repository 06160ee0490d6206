/* generator_lanes.h - the kernels with LANES floats in a vector; included once for each width
 *
 * Wants LANES (4 or 8), TARGET (attributes of all functions) and NAME(x), which makes names unique.
 */
#include <string.h>

typedef float NAME(vector) __attribute__((vector_size(LANES * sizeof(float))));

static inline TARGET
NAME(vector) NAME(load)(const float *at)
{
	NAME(vector) value;
	memcpy(&value, at, sizeof value);
	return value;
}

static inline TARGET void
NAME(store)(float *at, NAME(vector) value)
{
	memcpy(at, &value, sizeof value);
}

#define LAG_VECTORS (EP_WHITEN_LAGS / LANES)

/* Vector v holds the lags from LANES * v + LANES - 1 down, which is how their samples lie. */
static TARGET void
NAME(correlate)(float *sums, const float *x, size_t n)
{
	NAME(vector) sum[LAG_VECTORS];
	for (size_t v = 0; v < LAG_VECTORS; v++)
		sum[v] = (NAME(vector)){ 0 };
	for (size_t j = 0; j < n; j++) {
		const float *newest = x + j - (LANES - 1);
		for (size_t v = 0; v < LAG_VECTORS; v++)
			sum[v] += x[j] * NAME(load)(newest - v * LANES);
	}
	for (size_t k = 0; k < EP_WHITEN_LAGS; k++)
		sums[k] = sum[k / LANES][LANES - 1 - k % LANES];
}

/* Outputs that are computed side by side, so that none waits for the sum before. */
#define OUTPUT_VECTORS 8

static TARGET void
NAME(whiten)(float *y, const float *x, size_t n, const float a[EP_WHITEN_ORDER + 1])
{
	size_t i = EP_WHITEN_ORDER;
	for (; i + OUTPUT_VECTORS * LANES <= n; i += OUTPUT_VECTORS * LANES) {
		NAME(vector) out[OUTPUT_VECTORS];
		for (size_t v = 0; v < OUTPUT_VECTORS; v++)
			out[v] = NAME(load)(x + i + v * LANES);
		for (size_t j = 1; j <= EP_WHITEN_ORDER; j++) {
			for (size_t v = 0; v < OUTPUT_VECTORS; v++)
				out[v] -= a[j] * NAME(load)(x + i + v * LANES - j);
		}
		for (size_t v = 0; v < OUTPUT_VECTORS; v++)
			NAME(store)(y + i + v * LANES, out[v]);
	}
	for (; i < n; i += LANES) {
		NAME(vector) out = NAME(load)(x + i);
		for (size_t j = 1; j <= EP_WHITEN_ORDER; j++)
			out -= a[j] * NAME(load)(x + i - j);
		NAME(store)(y + i, out);
	}
}

#define FOLD_VECTORS (16 / LANES)
#define BAND_VECTORS (EP_ONSET_BANDS / LANES)

static TARGET void
NAME(subbands)(float *energies, const float *y, size_t count,
               const struct ep_subband_factors *factors)
{
	for (size_t t = 0; t < count; t++, y += EP_FRAME_STEP, energies += EP_ONSET_BANDS) {
		float folded[16];
		for (size_t v = 0; v < FOLD_VECTORS; v++) {
			const float *window = factors->window + v * LANES;
			NAME(vector) sum = NAME(load)(y + v * LANES) * NAME(load)(window);
			for (size_t i = 16; i < EP_FRAME_SIZE; i += 16)
				sum += NAME(load)(y + i + v * LANES) * NAME(load)(window + i);
			NAME(store)(folded + v * LANES, sum);
		}
		for (size_t v = 0; v < BAND_VECTORS; v++) {
			NAME(vector) re = { 0 };
			NAME(vector) im = { 0 };
			for (size_t k = 0; k < 16; k++) {
				re += NAME(load)(factors->re[k] + v * LANES) * folded[k];
				im += NAME(load)(factors->im[k] + v * LANES) * folded[k];
			}
			NAME(store)(energies + v * LANES, re * re + im * im);
		}
	}
}

#undef LAG_VECTORS
#undef OUTPUT_VECTORS
#undef FOLD_VECTORS
#undef BAND_VECTORS
#undef LANES
#undef TARGET
#undef NAME
