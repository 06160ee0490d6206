/* Says what sound files are: identify FOLDER FILE...
 *
 *     cc identify.c $(pkg-config --cflags --libs echoprint) -o identify
 */
#include <echoprint.h>
#include <stdio.h>

static int
identify(struct echoprint_db *db, const char *path)
{
	struct echoprint_error err;
	struct echoprint_answer *answer;
	if (echoprint_query_file(&answer, db, path, NULL, &err) != ECHOPRINT_OK)
		return fprintf(stderr, "%s\n", err.text), 1;
	if (answer->match)
		printf("%s: %s, %s - %s\n", path, answer->track_id, answer->artist, answer->track);
	else
		printf("%s: %s\n", path, answer->message);
	echoprint_answer_free(answer);
	return 0;
}

int
main(int argc, char **argv)
{
	struct echoprint_error err;
	struct echoprint_db *db;
	int failed = 0;
	if (argc < 3)
		return fprintf(stderr, "usage: identify FOLDER FILE...\n"), 2;
	if (echoprint_open(&db, argv[1], NULL, &err) != ECHOPRINT_OK)
		return fprintf(stderr, "%s\n", err.text), 1;
	for (int i = 2; i < argc; i++)
		failed |= identify(db, argv[i]);
	echoprint_close(db);
	return failed;
}
