#include "names.h"

#include "chance.h"

#include <stdio.h>
#include <string.h>

/* Songs are put on albums in shelves of so many; no album is on two shelves. */
#define SHELF_SONGS 32

/* Milliseconds since 1970 of the first id, and from one to the next at least. */
#define FIRST_ID_MS UINT64_C(1300000000000)
#define ID_STEP_MS 211

enum kind { KIND_SONG = 2, KIND_ALBUM, KIND_ARTIST, KIND_SHELF };

/* clang-format off */
static const char *const words[] = {
	"Silver",      "Night",      "Paper",   "Dance",    "Glass",     "Broken",  "King",
	"Desert",      "Moon",       "Honey",   "Black",    "Echo",      "Summer",  "Rain",
	"Queen",       "Ocean",      "City",    "Winter",   "Stone",     "Blue",    "Fire",
	"Velvet",      "Light",      "White",   "Love",     "Golden",    "River",   "Shadow",
	"Electric",    "Heart",      "Dream",   "Wild",     "Highway",   "Ghost",   "Sugar",
	"Thunder",     "Crystal",    "Morning", "Midnight", "Sunday",    "Angel",   "Street",
	"Lonely",      "Mirror",     "Garden",  "Machine",  "Radio",     "Red",     "Star",
	"Train",       "Wolf",       "Bird",    "Secret",   "Forever",   "Tonight", "Again",
	"Home",        "Baby",       "Blood",   "Bones",    "Smoke",     "Water",   "Wind",
	"Sky",         "Sister",     "Brother", "Children", "Stranger",  "Soldier", "Dancer",
	"Lover",       "Devil",      "Heaven",  "Hollow",   "Burning",   "Falling", "Running",
	"Sleeping",    "Waiting",    "Rising",  "Café",     "Élan",      "Größe",   "Señor",
	"Façade",      "Ødegård",    "Łódź",    "Smörgås",  "Motörwind", "Žofie",   "Ангел",
	"Ночь",        "東京",       "夜明け",  "사랑",     "☆",         "7\" Mix", "\"Live\"",
	"Rock, Paper", "Me, Myself", "O'Brien", "R&B",      "A.M.",      "99",
};
/* clang-format on */
#define WORDS (sizeof words / sizeof words[0])
/* Those before are plain; the others are drawn one time in sixteen. */
#define PLAIN_WORDS 80

/* clang-format off */
static const char *const first_names[] = {
	"Anna",   "Ben",   "Carla", "Dave",   "Elena",  "Frank",  "Grace",    "Hugo",
	"Ingrid", "Jack",  "Kim",   "Lena",   "Miguel", "Nina",   "Oscar",    "Paula",
	"Quincy", "Rosa",  "Sam",   "Tom",    "Uma",    "Vera",   "Wolfgang", "José",
	"Zoë",    "Björn", "André", "Jürgen", "Siân",   "Ólafur",
};
/* clang-format on */
#define FIRST_NAMES (sizeof first_names / sizeof first_names[0])

static const char *
draw_word(struct chance *chance)
{
	if (chance_below(chance, 16) == 0)
		return words[PLAIN_WORDS + chance_below(chance, WORDS - PLAIN_WORDS)];
	return words[chance_below(chance, PLAIN_WORDS)];
}

/* Up to four words of the row. */
static void
put_words(char out[NAME_SIZE], struct chance *chance, const char *before, const char *after)
{
	size_t size = (size_t)snprintf(out, NAME_SIZE, "%s%s", before, draw_word(chance));
	for (uint32_t more = chance_below(chance, 4); more > 0; more--)
		size += (size_t)snprintf(out + size, NAME_SIZE - size, " %s", draw_word(chance));
	snprintf(out + size, NAME_SIZE - size, "%s", after);
}

/* Artists with a small number have many albums. */
static void
make_artist(char out[NAME_SIZE], uint64_t seed, struct chance *album)
{
	uint32_t bits = 4 + chance_below(album, 18);
	struct chance chance = chance_of(seed, KIND_ARTIST, chance_next(album) >> (64 - bits));
	switch (chance_below(&chance, 8)) {
	case 0:
	case 1:
		put_words(out, &chance, "The ", "s");
		return;
	case 2:
	case 3:
	case 4:
		snprintf(out, NAME_SIZE, "%s %s", first_names[chance_below(&chance, FIRST_NAMES)],
		         draw_word(&chance));
		return;
	case 5:
		snprintf(out, NAME_SIZE, "%s \"%s\" %s",
		         first_names[chance_below(&chance, FIRST_NAMES)], draw_word(&chance),
		         draw_word(&chance));
		return;
	default:
		put_words(out, &chance, "", "");
	}
}

/* The first song of the album that has song `number`. */
static uint64_t
album_of(uint64_t seed, uint64_t number)
{
	struct chance shelf = chance_of(seed, KIND_SHELF, number / SHELF_SONGS);
	/* A bit is set for one song in eight: an album begins there. */
	uint64_t begins = chance_next(&shelf) & chance_next(&shelf) & chance_next(&shelf);
	uint64_t first = number;
	while (first % SHELF_SONGS && !(begins >> (first % SHELF_SONGS) & 1))
		first--;
	return first;
}

static void
make_id(char id[32], struct chance *song, uint64_t number)
{
	char letters[6] = { 0 };
	for (size_t i = 0; i < 5; i++)
		letters[i] = (char)('A' + chance_below(song, 26));
	uint64_t ms = FIRST_ID_MS + number * ID_STEP_MS + chance_below(song, ID_STEP_MS);
	snprintf(id, 32, "TR%s%llX", letters, (unsigned long long)ms);
}

void
names_make(struct names *names, uint64_t seed, uint64_t number)
{
	static const char *const endings[] = { " (Live)",     ", Pt. 2",       " (Remix)",
		                               " [Explicit]", " - Radio Edit", "?" };
	struct chance album = chance_of(seed, KIND_ALBUM, album_of(seed, number));
	struct chance song = chance_of(seed, KIND_SONG, number);
	make_id(names->track_id, &song, number);
	bool nameless = chance_below(&album, 16) == 0;
	make_artist(names->artist, seed, &album);
	put_words(names->release, &album, "", "");
	if (nameless)
		names->artist[0] = '\0';
	size_t ending = chance_below(&song, 60);
	put_words(names->track, &song, "", ending < 6 ? endings[ending] : "");
}
