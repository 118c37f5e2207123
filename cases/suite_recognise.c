/*
 * Recognising the suite's own questions, for the simulator. Most requests of a busy
 * simulator are none of them: those must be turned away by one look into a hash table.
 *
 * The key is what a glance tells: the endpoint, the number of messages, and the first
 * bytes of the last user message. Templates whose text begins with a placeholder have no
 * such bytes and stand in chains without them; there are few.
 */
#include "cases/suite_private.h"
#include "cases/template_private.h"

enum { PREFIX_BYTES = 8 };

/* One step of one case, in the chain of its bucket. */
struct entry {
	const struct eval_case *eval_case;
	size_t step;
	uint64_t key;
	struct text prefix; /* literal text that the user message begins with */
	const struct entry *next;
};

struct recogniser {
	const struct entry **buckets;
	size_t mask; /* buckets less one; their number is a power of two */
};

/* What the runner adds to a request. */
static const char *const added_members[] = {"model", "stream", "stream_options", NULL};

/* --- the glance ------------------------------------------------------------------------- */

/* A string, or the text of the first part of a list that has one. */
static struct text content_text(const struct json *content)
{
	if (json_is(content, JSON_STRING))
		return content->text;
	if (!json_is(content, JSON_ARRAY))
		return TEXT("");
	JSON_EACH(part, content)
	{
		if (json_is(part, JSON_STRING))
			return part->text;
		struct text text = json_string(part, "text");
		if (text.data != NULL)
			return text;
	}
	return TEXT("");
}

static struct text last_user_text(const struct json *messages)
{
	struct text text = TEXT("");

	JSON_EACH(message, messages)
	if (text_is(json_string(message, "role"), "user"))
		text = content_text(json_member(message, "content"));
	return text;
}

/* The telling text of a body, and how many messages there are. */
static struct text glance(enum endpoint endpoint, const struct json *body, size_t *count)
{
	const struct json *list = NULL;

	switch (endpoint) {
	case ENDPOINT_CHAT:
	case ENDPOINT_MESSAGES:
		list = json_member(body, "messages");
		break;
	case ENDPOINT_COMPLETIONS:
		list = json_member(body, "prompt");
		break;
	case ENDPOINT_EMBEDDINGS:
	case ENDPOINT_RESPONSES:
		list = json_member(body, "input");
		break;
	case ENDPOINT_MODELS:
	case ENDPOINT_COUNT:
		break;
	}
	*count = json_is(list, JSON_ARRAY) ? list->count : 0;
	if (json_is(list, JSON_ARRAY) && json_is(list->first, JSON_OBJECT))
		return last_user_text(list);
	return content_text(list);
}

/* prefix: its first PREFIX_BYTES count, or none where it is shorter. */
static uint64_t key_of(enum endpoint endpoint, size_t count, struct text prefix)
{
	uint64_t bytes = 0;

	if (prefix.len >= PREFIX_BYTES)
		memcpy(&bytes, prefix.data, PREFIX_BYTES);
	uint64_t key = (uint64_t)endpoint + (uint64_t)count * ENDPOINT_COUNT;
	key = (key ^ bytes) * UINT64_C(0x9e3779b97f4a7c15);
	return key ^ key >> 32;
}

/* --- the index -------------------------------------------------------------------------- */

static struct text literal_prefix(struct text text)
{
	struct template_piece piece;

	if (!template_next(&text, &piece) || piece.kind != PIECE_LITERAL)
		return TEXT("");
	return piece.text;
}

static void add_entry(struct recogniser *recogniser, const struct eval_case *eval_case, size_t step,
                      struct entry *entry)
{
	const struct case_step *from = &eval_case->steps[step];
	size_t count;
	struct text text = glance(from->endpoint, from->request, &count);

	*entry = (struct entry){.eval_case = eval_case, .step = step};
	entry->prefix = literal_prefix(text);
	entry->key = key_of(from->endpoint, count, entry->prefix);
	const struct entry **bucket = &recogniser->buckets[entry->key & recogniser->mask];
	entry->next = *bucket;
	*bucket = entry;
}

static bool is_indexed(const struct suite *suite, size_t at, size_t step)
{
	const struct eval_case *eval_case = &suite->cases[at];

	return eval_case->probe == at && json_is(eval_case->steps[step].request, JSON_OBJECT);
}

const struct recogniser *recogniser_new(const struct suite *suite, struct arena *arena)
{
	struct recogniser *recogniser = ARENA_NEW(arena, struct recogniser);
	size_t count = 0, buckets = 16;

	for (size_t i = 0; i < suite->count; i++)
		for (size_t j = 0; j < suite->cases[i].step_count; j++)
			count += is_indexed(suite, i, j);
	while (buckets < count * 2)
		buckets *= 2;
	recogniser->buckets = ARENA_NEW_ARRAY(arena, const struct entry *, buckets);
	recogniser->mask = buckets - 1;
	struct entry *entry = ARENA_NEW_ARRAY(arena, struct entry, count + 1);
	for (size_t i = 0; i < suite->count; i++)
		for (size_t j = 0; j < suite->cases[i].step_count; j++)
			if (is_indexed(suite, i, j))
				add_entry(recogniser, &suite->cases[i], j, entry++);
	return recogniser;
}

/* --- the search --------------------------------------------------------------------------- */

struct search {
	const struct suite *suite;
	enum endpoint endpoint;
	const struct json *request;
	struct text text;
	struct arena *arena;
	const struct entry *best;
	struct template_values values; /* of the best */
};

static const struct json *request_of(const struct entry *entry)
{
	return entry->eval_case->steps[entry->step].request;
}

/* Of several that match, the one that says most of the request; of equals the first in the suite.
 */
static bool is_better(const struct entry *entry, const struct entry *best)
{
	if (best == NULL || request_of(entry)->count != request_of(best)->count)
		return best == NULL || request_of(entry)->count > request_of(best)->count;
	return entry->eval_case < best->eval_case ||
	       (entry->eval_case == best->eval_case && entry->step < best->step);
}

static void search_chain(struct search *search, uint64_t key)
{
	const struct recogniser *recogniser = search->suite->index->recogniser;

	for (const struct entry *entry = recogniser->buckets[key & recogniser->mask]; entry != NULL;
	     entry = entry->next) {
		struct template_values values = {.context_tokens = -1};
		if (entry->key != key ||
		    entry->eval_case->steps[entry->step].endpoint != search->endpoint ||
		    !text_starts(search->text, entry->prefix) || !is_better(entry, search->best) ||
		    !template_matches(request_of(entry), search->request, added_members,
		                      search->arena, &values))
			continue;
		search->best = entry;
		search->values = values;
	}
}

bool suite_recognise(const struct suite *suite, enum endpoint endpoint, const struct json *request,
                     struct arena *arena, struct suite_match *out)
{
	struct search search = {
	    .suite = suite, .endpoint = endpoint, .request = request, .arena = arena};
	size_t count;

	if (!suite->complete || !json_is(request, JSON_OBJECT))
		return false;
	search.text = glance(endpoint, request, &count);
	uint64_t without = key_of(endpoint, count, TEXT(""));
	uint64_t with = key_of(endpoint, count, search.text);
	search_chain(&search, without);
	if (with != without)
		search_chain(&search, with);
	if (search.best == NULL)
		return false;
	out->eval_case = search.best->eval_case;
	out->step = search.best->step;
	out->values = ARENA_NEW(arena, struct template_values);
	*out->values = search.values;
	return true;
}
