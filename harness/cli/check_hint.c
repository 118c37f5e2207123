/* The next step where a target gave no answer that anything could be learned from: a wrong address,
 * key or model name makes a hundred cells fail for one reason. */
#include "harness/cli/check_ask.h"

#include "providers/wire/exchange.h"

enum trouble {
	NO_PATH,  /* 404, and it is not about the model */
	NO_MODEL, /* 404 or 400 that names the model */
	NO_KEY,   /* 401 or 403 */
	NO_HOST,
	NO_LISTENER,
	NO_TLS,
	TROUBLE_COUNT,
};

struct hints {
	struct arena arena;
	struct target_hint {
		const struct target *target;
		int64_t answered; /* attempts with an outcome ok and a status 2xx */
		int64_t attempts, of[TROUBLE_COUNT];
	} * items;
	size_t count;
};

static bool is_ended(const struct journal_attempt *attempt, enum exchange_end end)
{
	return text_is(attempt->end, exchange_end_name(end));
}

/* TROUBLE_COUNT: none of these. */
static enum trouble trouble_of(const struct journal_attempt *attempt, const struct target *target)
{
	bool names_model = text_find(attempt->detail, target->model->name, 0) != TEXT_NOT_FOUND;

	if (is_ended(attempt, EXCHANGE_RESOLVE_FAILED))
		return NO_HOST;
	if (is_ended(attempt, EXCHANGE_CONNECT_FAILED) ||
	    is_ended(attempt, EXCHANGE_CONNECT_TIMEOUT))
		return NO_LISTENER;
	if (is_ended(attempt, EXCHANGE_TLS_FAILED))
		return NO_TLS;
	if (attempt->status == 401 || attempt->status == 403)
		return NO_KEY;
	if ((attempt->status == 404 || attempt->status == 400) && names_model)
		return NO_MODEL;
	return attempt->status == 404 || attempt->status == 405 ? NO_PATH : TROUBLE_COUNT;
}

static bool take_attempt(void *context, const struct journal_attempt *attempt, struct fault *fault)
{
	struct hints *hints = context;

	(void)fault;
	if (attempt->attempt < 1 || !attempt->owner)
		return true;
	for (size_t i = 0; i < hints->count; i++) {
		struct target_hint *hint = &hints->items[i];
		if (!text_equal(hint->target->name, attempt->target))
			continue;
		enum trouble trouble = trouble_of(attempt, hint->target);
		hint->attempts++;
		if (attempt->outcome == OUTCOME_OK && attempt->status / 100 == 2)
			hint->answered++;
		else if (trouble != TROUBLE_COUNT)
			hint->of[trouble]++;
	}
	return true;
}

static struct text about_key(const struct provider *provider, struct arena *arena)
{
	if (provider->key_ref.data == NULL)
		return TEXT(
		    "no key is sent: name the variable that holds it, --api-key-env NAME, or "
		    "in the config api_key: env:NAME");
	return text_format(arena, "is the key in %.*s the one for %.*s?",
	                   TEXT_ARG(provider->key_ref), TEXT_ARG(provider->base_url));
}

static struct text about_path(struct text url, struct arena *arena)
{
	static const char *const paths[] = {"/chat/completions", "/completions", "/responses",
	                                    "/embeddings",       "/models",      "/messages"};

	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++)
		if (text_ends(url, text_of(paths[i])))
			return text_format(arena,
			                   "nothing is there under %.*s: leave out %s, the path of "
			                   "each question is put behind the base URL",
			                   TEXT_ARG(url), paths[i]);
	return text_format(arena, "nothing is there under %.*s: is the base URL right?%s",
	                   TEXT_ARG(url), text_ends(url, TEXT("/v1")) ? "" : " Most end with /v1");
}

/* Not every format has a list of models. */
static struct text about_model(const struct target *target, struct arena *arena)
{
	const struct provider *provider = target->provider;
	const struct chat_request list = {.endpoint = ENDPOINT_MODELS};
	struct wire_request wire = {0};
	struct fault fault;
	struct text where = TEXT("the names are in the provider's own list");

	if (provider->dialect->encode(provider, &list, arena, &wire, &fault))
		where = text_format(arena, "%s lists those that it has", wire.url);
	return text_format(arena, "it says that it has no model \"%.*s\": %.*s",
	                   TEXT_ARG(target->model->name), TEXT_ARG(where));
}

static struct text next_step(enum trouble trouble, const struct target *target, struct arena *arena)
{
	const struct provider *provider = target->provider;
	struct text url = provider->base_url;

	switch (trouble) {
	case NO_KEY:
		return about_key(provider, arena);
	case NO_PATH:
		return about_path(url, arena);
	case NO_MODEL:
		return about_model(target, arena);
	case NO_HOST:
		return text_format(arena,
		                   "the host of %.*s has no address: is the name right, and is "
		                   "there a network?",
		                   TEXT_ARG(url));
	case NO_LISTENER:
		return text_format(
		    arena, "nothing answers at %.*s: is it running, are host and port right?",
		    TEXT_ARG(url));
	case NO_TLS:
		return text_format(arena,
		                   "no TLS connection to %.*s: does that port speak plain HTTP "
		                   "(http://), or is its certificate not trusted here?",
		                   TEXT_ARG(url));
	case TROUBLE_COUNT:
		break;
	}
	return (struct text){NULL, 0};
}

/* Said where that one reason is behind most of what was asked. */
static void tell(const struct target_hint *hint, struct arena *arena)
{
	for (size_t i = 0; i < TROUBLE_COUNT; i++) {
		if (hint->answered > 0 || hint->of[i] * 2 <= hint->attempts)
			continue;
		struct text step = next_step((enum trouble)i, hint->target, arena);
		(void)fprintf(stderr, "proviso: %.*s: %.*s\n",
		              TEXT_ARG(text_visible(arena, hint->target->name, 200)),
		              TEXT_ARG(text_visible(arena, step, 600)));
	}
}

void check_hint(const struct check_session *session)
{
	struct hints hints = {.count = session->plan.target_count};
	const struct journal_visitor visitor = {.attempt = take_attempt, .context = &hints};
	struct fault fault;

	hints.items = ARENA_NEW_ARRAY(&hints.arena, struct target_hint, hints.count + 1);
	for (size_t i = 0; i < hints.count; i++)
		hints.items[i] = (struct target_hint){.target = &session->plan.targets[i]};
	/* The matrix was built from it a moment ago; where it can't be read now, no hint is given.
	 */
	if (journal_scan(session->folder.journal, &visitor, NULL, &fault))
		for (size_t i = 0; i < hints.count; i++)
			tell(&hints.items[i], &hints.arena);
	arena_done(&hints.arena);
}
