/* Names and texts of the wire rules; the table itself is WIRE_RULES in the header. */
#include "providers/reply/wire_rule.h"

static const struct {
	const char *id;
	const char *holds;
} wire_rules[WIRE_RULE_COUNT] = {
#define WIRE_RULE_TEXTS(name, id, holds) [WIRE_##name] = {id, holds},
    WIRE_RULES(WIRE_RULE_TEXTS)
#undef WIRE_RULE_TEXTS
};

const char *wire_rule_id(enum wire_rule rule)
{
	REQUIRE(rule < WIRE_RULE_COUNT);
	return wire_rules[rule].id;
}

const char *wire_rule_holds(enum wire_rule rule)
{
	REQUIRE(rule < WIRE_RULE_COUNT);
	return wire_rules[rule].holds;
}

enum wire_rule wire_rule_from_id(struct text id)
{
	for (unsigned rule = 0; rule < WIRE_RULE_COUNT; rule++)
		if (text_is(id, wire_rules[rule].id))
			return (enum wire_rule)rule;
	return WIRE_RULE_COUNT;
}

const char *wire_grade_name(enum wire_grade grade)
{
	switch (grade) {
	case WIRE_BREAKS:
		return "breaks";
	case WIRE_DEVIATES:
		return "deviates";
	case WIRE_HARMLESS:
		return "harmless";
	}
	return "breaks";
}
