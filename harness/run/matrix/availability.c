/* Counting answers; see availability.h. */
#include "harness/run/matrix/availability.h"

#include "providers/wire/exchange.h"

static const char *const kind_names[INFRA_KIND_COUNT] = {
    [INFRA_UNREACHABLE] = "unreachable", [INFRA_TIMEOUT] = "timeout",  [INFRA_CUT] = "cut",
    [INFRA_RATE_LIMIT] = "429",          [INFRA_SERVER_ERROR] = "5xx", [INFRA_OTHER] = "other",
};

const char *infra_kind_name(enum infra_kind kind)
{
	REQUIRE((size_t)kind < INFRA_KIND_COUNT);
	return kind_names[kind];
}

int64_t availability_attempts(const struct availability *availability)
{
	int64_t attempts = availability->answered;

	for (int kind = 0; kind < INFRA_KIND_COUNT; kind++)
		attempts += availability->infra[kind];
	return attempts;
}

static enum infra_kind kind_of(const struct journal_attempt *line)
{
	static const struct {
		enum exchange_end end;
		enum infra_kind kind;
	} ends[] = {
	    {EXCHANGE_RESOLVE_FAILED, INFRA_UNREACHABLE},
	    {EXCHANGE_CONNECT_FAILED, INFRA_UNREACHABLE},
	    {EXCHANGE_TLS_FAILED, INFRA_UNREACHABLE},
	    {EXCHANGE_CONNECT_TIMEOUT, INFRA_UNREACHABLE},
	    {EXCHANGE_FIRST_TIMEOUT, INFRA_TIMEOUT},
	    {EXCHANGE_IDLE_TIMEOUT, INFRA_TIMEOUT},
	    {EXCHANGE_TOTAL_TIMEOUT, INFRA_TIMEOUT},
	    {EXCHANGE_CUT, INFRA_CUT},
	};

	if (line->status == 429)
		return INFRA_RATE_LIMIT;
	if (line->status >= 500)
		return INFRA_SERVER_ERROR;
	for (size_t i = 0; i < ARRAY_LENGTH(ends); i++)
		if (text_is(line->end, exchange_end_name(ends[i].end)))
			return ends[i].kind;
	return INFRA_OTHER;
}

void availability_count(struct availability *availability, const struct journal_attempt *line)
{
	if (!line->owner || line->attempt < 1 || line->end.data == NULL)
		return;
	switch (line->outcome) {
	case OUTCOME_INFRA:
		availability->infra[kind_of(line)]++;
		break;
	case OUTCOME_OK:
	case OUTCOME_MISS:
	case OUTCOME_VIOLATION:
	case OUTCOME_REFUSED:
	case OUTCOME_IGNORED:
		availability->answered++;
		break;
	case OUTCOME_HARNESS:
	case OUTCOME_UNRUN:
	case OUTCOME_COUNT:
		break;
	}
}

void availability_add(struct availability *sum, const struct availability *more)
{
	sum->answered += more->answered;
	for (int kind = 0; kind < INFRA_KIND_COUNT; kind++)
		sum->infra[kind] += more->infra[kind];
}
