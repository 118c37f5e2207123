/*
 * content: redacted. What looks like a person's or a machine's secret is starred before a body is
 * kept; a body that can't be searched is not kept at all. Runs on the ledger's thread.
 */
#include "proxy/ledger/ledger_private.h"

#include "harness/base/regex.h"

static const struct {
	struct text pattern;
} rules[LEDGER_REDACT_RULES] = {
    {TEXT_INIT("[\\w.+-]{1,64}@[\\w-]{1,63}(?:\\.[\\w-]{1,63})+")},    /* e-mail */
    {TEXT_INIT("\\b(?:sk|pk|pv|rk|ghp|gho|xox[abp])[-_][\\w-]{12,}")}, /* keys by prefix */
    {TEXT_INIT("\\beyJ[\\w-]{8,}\\.[\\w-]{8,}\\.[\\w-]{8,}")},         /* JSON web tokens */
    {TEXT_INIT("\\bAKIA[0-9A-Z]{16}\\b")},                             /* AWS */
    {TEXT_INIT("\\b[A-Z]{2}\\d{2}(?: ?[0-9A-Z]{4}){3,7}(?: ?[0-9A-Z]{1,3})?\\b")}, /* IBAN */
    {TEXT_INIT(
	"(?<![\\w.])\\+?\\(?\\d(?:[ ()./-]{0,2}\\d){8,18}(?![\\w.])")}, /* telephones, cards */
    {TEXT_INIT("\\b\\d{1,3}(?:\\.\\d{1,3}){3}\\b")},                    /* IPv4 */
};

bool ledger_redactor_open(struct ledger_redactor *redactor, struct fault *fault)
{
	const struct place nowhere = {0};

	for (size_t i = 0; i < LEDGER_REDACT_RULES; i++)
		if (!regex_new(rules[i].pattern, 0, nowhere, &redactor->rules[i], fault))
			return false;
	return true;
}

void ledger_redactor_close(struct ledger_redactor *redactor)
{
	for (size_t i = 0; i < LEDGER_REDACT_RULES; i++)
		regex_free(redactor->rules[i]);
	*redactor = (struct ledger_redactor){{NULL}};
}

/* False: there is no answer, and the body must not be kept. */
static bool star(const struct regex *rule, char *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t start = 0, end = 0;
		struct text rest = {bytes + at, len - at};
		enum regex_result result = regex_find(rule, rest, 0, &start, &end);
		if (result == REGEX_LIMIT)
			return false;
		if (result == REGEX_MISS || end <= start)
			return true;
		memset(bytes + at + start, '*', end - start);
		at += end;
	}
	return true;
}

void ledger_redact(const struct ledger_redactor *redactor, struct text *body)
{
	bool good = text_is_utf8(*body);

	/* It lies in the record's own memory, behind it. */
	for (size_t i = 0; good && i < LEDGER_REDACT_RULES; i++)
		good = star(redactor->rules[i], (char *)(uintptr_t)body->data, body->len);
	if (!good)
		*body = (struct text){NULL, 0};
}
