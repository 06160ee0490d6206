#include "net/legacy/tyrant_internal.h"

enum { PUT = 0x10, OUT = 0x20, GET = 0x30, ITERINIT = 0x50, ITERNEXT = 0x51, RNUM = 0x80 };

/* Requests that are sent before the answer to the first is read: few enough that those without
 * values fit into what the system keeps for a socket, so that the two sides never wait for each
 * other. */
#define AHEAD 64

/* A value is taken in parts of so many bytes. */
#define PART_SIZE ((size_t)64 << 10)

/* Requests are sent at the latest when they have so many bytes. */
#define REQUEST_SIZE ((size_t)1 << 20)

static enum ep_status
take_number(uint64_t *number, struct ep_tyrant *tyrant, size_t size, struct ep_error *err)
{
	uint8_t bytes[8];
	uint64_t value = 0;
	EP_TRY(ep_tyrant_take(tyrant, bytes, size, err));
	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[i];
	*number = value;
	return EP_OK;
}

/* Takes the status of an answer; *done: it is 0. */
static enum ep_status
take_status(bool *done, struct ep_tyrant *tyrant, struct ep_error *err)
{
	uint64_t status;
	EP_TRY(take_number(&status, tyrant, 1, err));
	if (status > 1)
		return ep_fail(err, EP_CORRUPT,
		               "%s answers with byte %02x, but Tokyo Tyrant answers with 00 or 01",
		               tyrant->name, (unsigned)status);
	*done = status == 0;
	return EP_OK;
}

/* ---- requests ---- */

static enum ep_status
add_number(struct ep_buffer *request, size_t number, struct ep_error *err)
{
	uint8_t bytes[] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16),
		            (uint8_t)(number >> 8), (uint8_t)number };
	return ep_buffer_append(request, bytes, sizeof bytes, err);
}

static enum ep_status
add_command(struct ep_buffer *request, uint8_t command, struct ep_error *err)
{
	uint8_t bytes[] = { 0xc8, command };
	return ep_buffer_append(request, bytes, sizeof bytes, err);
}

/* Appends a request with a key, and a value if it is not NULL. */
static enum ep_status
add_request(struct ep_buffer *request, uint8_t command, struct ep_text key,
            const struct ep_text *value, struct ep_error *err)
{
	EP_TRY(add_command(request, command, err));
	EP_TRY(add_number(request, key.size, err));
	if (value)
		EP_TRY(add_number(request, value->size, err));
	EP_TRY(ep_buffer_append(request, key.at, key.size, err));
	return value ? ep_buffer_append(request, value->at, value->size, err) : EP_OK;
}

static enum ep_status
send_request(struct ep_tyrant *tyrant, struct ep_error *err)
{
	enum ep_status status = ep_tyrant_send(tyrant, ep_buffer_bytes(&tyrant->request), err);
	tyrant->request.size = 0;
	return status;
}

/* What is done with the answer to request i of many. */
struct many {
	uint8_t command;
	const struct ep_text *keys;
	const struct ep_text *values; /* NULL: none are sent */
	size_t count;
	enum ep_status (*answer)(void *context, size_t i, struct ep_error *err);
	void *context;
};

/* Sends requests, some ahead, and takes the answers. */
static enum ep_status
ask_many(struct ep_tyrant *tyrant, const struct many *many, struct ep_error *err)
{
	size_t sent = 0;
	for (size_t done = 0; done < many->count; done++) {
		/* Half of them at a time, so that packets are not as small as requests. */
		bool more = sent - done <= AHEAD / 2;
		for (; more && sent < many->count && sent < done + AHEAD &&
		       tyrant->request.size < REQUEST_SIZE;
		     sent++)
			EP_TRY(add_request(&tyrant->request, many->command, many->keys[sent],
			                   many->values ? &many->values[sent] : NULL, err));
		if (tyrant->request.size)
			EP_TRY(send_request(tyrant, err));
		EP_TRY(many->answer(many->context, done, err));
	}
	return EP_OK;
}

/* ---- commands ---- */

struct getting {
	struct ep_tyrant *tyrant;
	enum ep_status (*each)(void *context, size_t i, const struct ep_tyrant_value *value,
	                       struct ep_error *err);
	void *context;
};

/* Takes size bytes into the buffer for values, as they come: a size alone takes no memory. */
static enum ep_status
take_value(struct ep_tyrant *tyrant, size_t size, struct ep_error *err)
{
	struct ep_buffer *value = &tyrant->value;
	value->size = 0;
	while (value->size < size) {
		size_t left = size - value->size;
		size_t part = left < PART_SIZE ? left : PART_SIZE;
		EP_TRY(ep_buffer_reserve(value, part, err));
		EP_TRY(ep_tyrant_take(tyrant, value->data + value->size, part, err));
		value->size += part;
	}
	return EP_OK;
}

static enum ep_status
on_got(void *context, size_t i, struct ep_error *err)
{
	struct getting *getting = context;
	struct ep_tyrant *tyrant = getting->tyrant;
	struct ep_tyrant_value value = { 0 };
	uint64_t size = 0;
	EP_TRY(take_status(&value.there, tyrant, err));
	if (value.there)
		EP_TRY(take_number(&size, tyrant, 4, err));
	value.too_large = size > EP_TYRANT_VALUE_MAX;
	if (value.too_large)
		EP_TRY(ep_tyrant_take(tyrant, NULL, size, err));
	else
		EP_TRY(take_value(tyrant, size, err));
	if (!value.too_large)
		value.bytes = ep_buffer_bytes(&tyrant->value);
	return getting->each(getting->context, i, &value, err);
}

enum ep_status
ep_tyrant_get(struct ep_tyrant *tyrant, const struct ep_text *keys, size_t count,
              enum ep_status (*each)(void *context, size_t i, const struct ep_tyrant_value *value,
                                     struct ep_error *err),
              void *context, struct ep_error *err)
{
	struct getting getting = { tyrant, each, context };
	struct many many = {
		.command = GET, .keys = keys, .count = count, .answer = on_got, .context = &getting
	};
	return ask_many(tyrant, &many, err);
}

static enum ep_status
on_put(void *context, size_t i, struct ep_error *err)
{
	(void)i;
	struct ep_tyrant *tyrant = context;
	bool done = false;
	EP_TRY(take_status(&done, tyrant, err));
	return done ? EP_OK
	            : ep_fail(err, EP_IO,
	                      "%s refuses to store codes: see its log, and whether its "
	                      "disk is full or it is read-only",
	                      tyrant->name);
}

enum ep_status
ep_tyrant_put(struct ep_tyrant *tyrant, const struct ep_text *keys, const struct ep_text *values,
              size_t count, struct ep_error *err)
{
	struct many many = { .command = PUT,
		             .keys = keys,
		             .values = values,
		             .count = count,
		             .answer = on_put,
		             .context = tyrant };
	return ask_many(tyrant, &many, err);
}

static enum ep_status
on_out(void *context, size_t i, struct ep_error *err)
{
	(void)i;
	bool was_there;
	return take_status(&was_there, context, err);
}

enum ep_status
ep_tyrant_out(struct ep_tyrant *tyrant, const struct ep_text *keys, size_t count,
              struct ep_error *err)
{
	struct many many = {
		.command = OUT, .keys = keys, .count = count, .answer = on_out, .context = tyrant
	};
	return ask_many(tyrant, &many, err);
}

/* Sends a command that stands alone; *done is its status. */
static enum ep_status
ask(bool *done, struct ep_tyrant *tyrant, uint8_t command, struct ep_error *err)
{
	EP_TRY(add_command(&tyrant->request, command, err));
	EP_TRY(send_request(tyrant, err));
	return take_status(done, tyrant, err);
}

enum ep_status
ep_tyrant_count(uint64_t *count, struct ep_tyrant *tyrant, struct ep_error *err)
{
	bool done = false;
	EP_TRY(ask(&done, tyrant, RNUM, err));
	if (!done)
		return ep_fail(err, EP_IO, "%s does not tell how many keys it has", tyrant->name);
	return take_number(count, tyrant, 8, err);
}

/* Takes the answer to iternext. */
static enum ep_status
take_key(bool *there, struct ep_tyrant *tyrant, struct ep_error *err)
{
	uint64_t size;
	tyrant->value.size = 0;
	EP_TRY(take_status(there, tyrant, err));
	if (!*there)
		return EP_OK;
	EP_TRY(take_number(&size, tyrant, 4, err));
	if (size > EP_TYRANT_KEY_MAX)
		return ep_fail(err, EP_CORRUPT, "%s tells a key of %llu bytes, but may tell %zu",
		               tyrant->name, (unsigned long long)size, EP_TYRANT_KEY_MAX);
	return take_value(tyrant, size, err);
}

enum ep_status
ep_tyrant_each_key(struct ep_tyrant *tyrant,
                   enum ep_status (*each)(void *context, struct ep_text key, struct ep_error *err),
                   void *context, struct ep_error *err)
{
	bool there = false;
	EP_TRY(ask(&there, tyrant, ITERINIT, err));
	if (!there)
		return ep_fail(err, EP_IO, "%s does not tell its keys", tyrant->name);
	size_t waiting = 0; /* requests without an answer */
	bool more = true;
	while (more || waiting) {
		bool few = waiting <= AHEAD / 2;
		for (; more && few && waiting < AHEAD; waiting++)
			EP_TRY(add_command(&tyrant->request, ITERNEXT, err));
		if (tyrant->request.size)
			EP_TRY(send_request(tyrant, err));
		EP_TRY(take_key(&there, tyrant, err));
		waiting--;
		/* After its end, the iterator has nothing more. */
		more = more && there;
		if (there)
			EP_TRY(each(context, ep_buffer_text(&tyrant->value), err));
	}
	return EP_OK;
}
