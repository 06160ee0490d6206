/* Makes a libFuzzer target of a law: -DLAW=law_csv. */
#include <stddef.h>
#include <stdint.h>

void LAW(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	LAW(bytes, size);
	return 0;
}
