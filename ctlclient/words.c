#include "ctlclient/words.h"

/* In alphabetical order, so that a person can find a word's byte by searching. */
static const char words[256][WORD_MAX] = {
	"acorn",  "actor",  "agent",  "album",  "almond", "amber",  "anchor", "apple",  "april",
	"arctic", "arrow",  "artist", "aspen",  "atlas",  "autumn", "avenue", "bacon",  "badger",
	"ballad", "bamboo", "banner", "barrel", "basket", "beetle", "berry",  "bishop", "bonnet",
	"border", "bottle", "bridge", "bronze", "bucket", "bugle",  "bullet", "burger", "butter",
	"cabin",  "cactus", "camera", "canal",  "carpet", "castle", "cedar",  "cello",  "cement",
	"chapel", "cherry", "cider",  "cinema", "circle", "citrus", "clover", "cobalt", "coffee",
	"colony", "comet",  "copper", "cotton", "cousin", "cradle", "cuckoo", "daisy",  "dancer",
	"debate", "decade", "delta",  "desert", "dialog", "diesel", "dinner", "diver",  "doctor",
	"domino", "donkey", "dragon", "eagle",  "easel",  "echo",   "editor", "elbow",  "empire",
	"engine", "escape", "essay",  "fabric", "falcon", "family", "farmer", "fiddle", "filter",
	"finger", "fisher", "flower", "forest", "fossil", "frozen", "fungus", "future", "gadget",
	"galaxy", "garden", "gentle", "giant",  "goblet", "gravel", "grocer", "guitar", "habit",
	"hammer", "harbor", "hazel",  "hedge",  "helmet", "heron",  "hidden", "hobby",  "hockey",
	"honey",  "hotel",  "humble", "hunter", "hybrid", "icon",   "idea",   "igloo",  "image",
	"impact", "inch",   "indigo", "island", "ivory",  "jacket", "jaguar", "jelly",  "jersey",
	"jigsaw", "judge",  "jungle", "kayak",  "kennel", "kettle", "kidney", "kimono", "koala",
	"label",  "ladder", "lagoon", "laptop", "lasso",  "lava",   "lawyer", "legend", "lemon",
	"linen",  "lion",   "liquid", "lizard", "locket", "logic",  "lotus",  "lumber", "lunar",
	"luxury", "magnet", "major",  "mammal", "mango",  "marble", "master", "meadow", "medal",
	"melody", "mentor", "meteor", "mirror", "mitten", "mobile", "modern", "moment", "moon",
	"mosaic", "motor",  "muffin", "museum", "napkin", "nation", "nectar", "noble",  "nomad",
	"north",  "novel",  "nylon",  "oasis",  "ocean",  "olive",  "omega",  "opera",  "optic",
	"orbit",  "organ",  "otter",  "oven",   "panda",  "paper",  "piano",  "pilot",  "pizza",
	"poem",   "polar",  "pony",   "prism",  "queen",  "quota",  "radar",  "raft",   "rally",
	"raven",  "reef",   "relic",  "robin",  "rodeo",  "rose",   "ruler",  "satin",  "sauna",
	"seven",  "siren",  "smoke",  "snow",   "soda",   "squid",  "stone",  "sugar",  "swan",
	"syrup",  "tempo",  "tiger",  "titan",  "toast",  "tonic",  "topaz",  "towel",  "tulip",
	"ultra",  "uncle",  "urban",  "vapor",  "video",  "vivid",  "wagon",  "water",  "widow",
	"wolf",   "yacht",  "zebra",  "zinc",
};

const char *words_of(uint8_t byte)
{
	return words[byte];
}

void words_put(struct buf *b, struct span s, size_t per_line, const char *indent)
{
	for (size_t i = 0; i < s.len; i++) {
		const bool first = i % per_line == 0;
		const bool last = i % per_line == per_line - 1 || i + 1 == s.len;

		buf_str(b, first ? indent : " ");
		buf_str(b, words_of(s.data[i]));
		if (last)
			buf_u8(b, '\n');
	}
}
