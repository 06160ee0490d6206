/* Who is let in: with an invitation of this master, and a key of one's own. */
#include "sync/master/inbox.h"
#include "tests/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct node node;
static struct ep_keys master;

static int
make_node(void **state)
{
	(void)state;
	if (sodium_init() < 0)
		return 1;
	node_open(&node);
	needs(ep_keys_open(&master, node.folder, NULL));
	return 0;
}

static int
remove_node(void **state)
{
	(void)state;
	node_close(&node);
	return 0;
}

static struct ep_keys
keys_of(const char *whom)
{
	uint8_t seed[EP_SEED_SIZE] = { 0 };
	struct ep_keys keys;
	memcpy(seed, whom, strlen(whom));
	ep_keys_of_seed(&keys, seed);
	return keys;
}

/* Makes an invitation, as `source add` does; gives its keys. */
static struct ep_keys
invite(const char *name)
{
	struct ep_log_write *write;
	struct ep_peer peer = { .invited = true };
	struct ep_keys keys;
	uint8_t secret[EP_SECRET_SIZE];
	uint32_t number;
	randombytes_buf(secret, sizeof secret);
	ep_invitation_keys(&keys, secret);
	peer.invitation = keys.key;
	strcpy(peer.name, name);
	needs(ep_log_write_begin(&write, node.log, NULL));
	needs(ep_log_source(&number, write, ep_text_of(name), NULL));
	needs(ep_peer_store(write, &peer, NULL));
	needs(ep_log_commit(&write, NULL));
	return keys;
}

static struct ep_join
asking(const char *name, const struct ep_keys *slave, const struct ep_keys *invitation)
{
	struct ep_join join = { .key = slave->key, .master = master.key };
	strcpy(join.name, name);
	ep_join_prove(&join, invitation);
	return join;
}

/* Sends a request that is signed with these keys. */
static enum ep_status
ask(const struct ep_join *join, const struct ep_keys *signer, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer request = { 0 };
	EP_BUFFER struct ep_buffer answer = { 0 };
	char name[EP_SOURCE_NAME_MAX + 1];
	needs(ep_join_write(&request, join, signer, NULL));
	struct ep_text text = { (const char *)request.data, request.size };
	EP_TRY(ep_inbox_join(&answer, name, node.log, text, err));
	assert_string_equal(name, join->name);
	text = (struct ep_text){ (const char *)answer.data, answer.size };
	needs(ep_welcome_read(text, join, &master.key, NULL));
	return EP_OK;
}

static bool
is_in(const char *name, const struct ep_key *key)
{
	struct ep_log_read *read;
	struct ep_peer peer;
	needs(ep_log_read_begin(&read, node.log, NULL));
	enum ep_status status = ep_peer_load(&peer, read, name, NULL);
	ep_log_read_end(read);
	return status == EP_OK && peer.has_key && ep_key_equal(&peer.key, key);
}

static void
an_invitation_lets_one_slave_in(void **state)
{
	(void)state;
	struct ep_keys paris = keys_of("paris");
	struct ep_keys other = keys_of("other");
	struct ep_keys invitation = invite("paris");
	struct ep_join join = asking("paris", &paris, &invitation);
	assert_int_equal(ask(&join, &paris, NULL), EP_OK);
	assert_true(is_in("paris", &paris.key));
	assert_int_equal(ask(&join, &paris, NULL), EP_OK); /* again */
	join = asking("paris", &other, &invitation);
	assert_int_equal(ask(&join, &other, NULL), EP_BAD_INPUT);
	assert_true(is_in("paris", &paris.key));
}

static void
nobody_joins_with_the_key_of_another(void **state)
{
	(void)state;
	struct ep_error err;
	struct ep_keys lyon = keys_of("lyon");
	struct ep_keys mallory = keys_of("mallory");
	struct ep_keys invitation = invite("mallory");
	struct ep_join join = asking("mallory", &lyon, &invitation);
	assert_int_equal(ask(&join, &mallory, &err), EP_CORRUPT);
	assert_non_null(strstr(err.text, "signed"));
	assert_false(is_in("mallory", &lyon.key));
	/* Also not when that one is in, or has the key itself. */
	struct ep_keys lyons = invite("lyon");
	struct ep_join honest = asking("lyon", &lyon, &lyons);
	assert_int_equal(ask(&honest, &lyon, NULL), EP_OK);
	assert_int_equal(ask(&join, &mallory, NULL), EP_CORRUPT);
	assert_int_equal(ask(&join, &lyon, &err), EP_BAD_INPUT);
	assert_non_null(strstr(err.text, "lyon already has this key"));
	struct ep_join copied = asking("mallory", &master, &invitation);
	assert_int_equal(ask(&copied, &master, &err), EP_BAD_INPUT);
	assert_non_null(strstr(err.text, "master's own key"));
	/* The invitation is still good for whom it was made. */
	join = asking("mallory", &mallory, &invitation);
	assert_int_equal(ask(&join, &mallory, NULL), EP_OK);
}

/* Who sees a request on its way cannot make another of it. */
static void
a_proof_is_for_one_name_key_and_master(void **state)
{
	(void)state;
	struct ep_error err;
	struct ep_keys oslo = keys_of("oslo");
	struct ep_keys eve = keys_of("eve");
	struct ep_keys invitation = invite("oslo");
	struct ep_keys eves = invite("eve");
	struct ep_join seen = asking("oslo", &oslo, &invitation);
	struct ep_join made = seen;
	made.key = eve.key;
	assert_int_equal(ask(&made, &eve, NULL), EP_BAD_INPUT);
	made = asking("eve", &eve, &eves);
	strcpy(made.name, "oslo");
	assert_int_equal(ask(&made, &eve, NULL), EP_BAD_INPUT);
	made = seen;
	made.master = eve.key;
	assert_int_equal(ask(&made, &oslo, &err), EP_BAD_INPUT);
	assert_non_null(strstr(err.text, "another master"));
	made = asking("../oslo", &oslo, &invitation);
	assert_int_equal(ask(&made, &oslo, &err), EP_BAD_INPUT);
	assert_non_null(strstr(err.text, "name"));
	made = seen;
	made.proof.bytes[5] ^= 1;
	assert_int_equal(ask(&made, &oslo, NULL), EP_BAD_INPUT);
	assert_int_equal(ask(&seen, &oslo, NULL), EP_OK);
}

static void
a_new_invitation_ends_the_old_one(void **state)
{
	(void)state;
	struct ep_keys bern = keys_of("bern");
	struct ep_keys first = invite("bern");
	struct ep_keys second = invite("bern");
	struct ep_join join = asking("bern", &bern, &first);
	assert_int_equal(ask(&join, &bern, NULL), EP_BAD_INPUT);
	join = asking("bern", &bern, &second);
	assert_int_equal(ask(&join, &bern, NULL), EP_OK);
}

/* What the log has of an invitation: its public key. */
static void
the_log_lets_nobody_in(void **state)
{
	(void)state;
	struct ep_keys eve = keys_of("reader");
	struct ep_keys invitation = invite("kiel");
	struct ep_keys guessed;
	ep_invitation_keys(&guessed, invitation.key.bytes);
	struct ep_join join = asking("kiel", &eve, &guessed);
	assert_int_equal(ask(&join, &eve, NULL), EP_BAD_INPUT);
	ep_keys_of_seed(&guessed, invitation.key.bytes);
	join = asking("kiel", &eve, &guessed);
	assert_int_equal(ask(&join, &eve, NULL), EP_BAD_INPUT);
}

static void
names_differ_in_more_than_case(void **state)
{
	(void)state;
	struct ep_error err;
	struct ep_log_read *read;
	struct ep_keys free_keys = keys_of("free");
	struct ep_keys rome = invite("Rome");
	struct ep_keys slave = keys_of("rome");
	struct ep_join join = asking("Rome", &slave, &rome);
	assert_int_equal(ask(&join, &slave, NULL), EP_OK);
	needs(ep_log_read_begin(&read, node.log, NULL));
	assert_int_equal(ep_peer_check_new(read, "rome", NULL, &master.key, &err), EP_BAD_INPUT);
	assert_non_null(strstr(err.text, "source Rome already exists"));
	assert_int_equal(ep_peer_check_new(read, "MASTER", NULL, &master.key, NULL), EP_BAD_INPUT);
	assert_int_equal(ep_peer_check_new(read, "Rome", NULL, &master.key, NULL), EP_OK);
	assert_int_equal(ep_peer_check_new(read, "rom", &free_keys.key, &master.key, NULL), EP_OK);
	assert_int_equal(ep_peer_check_new(read, "rom", &slave.key, &master.key, NULL),
	                 EP_BAD_INPUT);
	ep_log_read_end(read);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_invitation_lets_one_slave_in),
		cmocka_unit_test(nobody_joins_with_the_key_of_another),
		cmocka_unit_test(a_proof_is_for_one_name_key_and_master),
		cmocka_unit_test(a_new_invitation_ends_the_old_one),
		cmocka_unit_test(the_log_lets_nobody_in),
		cmocka_unit_test(names_differ_in_more_than_case),
	};
	return cmocka_run_group_tests(tests, make_node, remove_node);
}
