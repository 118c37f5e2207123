/* Parsing by table; see options.h for the rules. */
#include "harness/cli/options.h"

#include <stdlib.h>

struct parse {
	const struct option_table *table;
	struct arena *arena;
	char *out;
	uint64_t given; /* bit per row */
	unsigned verb;  /* its bit; all of them where the table has no verbs */
	struct fault *fault;
};

enum { OPTIONS_MAX = 64 }; /* bits in parse.given */

static bool bad_value(struct parse *parse, const struct option *option, struct text value,
                      const char *want)
{
	return fault_set(parse->fault, FAULT_USAGE, "--%s is \"%.*s\"; want %s", option->name,
	                 TEXT_ARG(value), want);
}

static void append_text(struct arena *arena, struct text_list *list, struct text value)
{
	struct text *grown = ARENA_NEW_ARRAY(arena, struct text, list->count + 1);

	if (list->count != 0)
		memcpy(grown, list->items, list->count * sizeof(*grown));
	grown[list->count++] = value;
	list->items = grown;
}

static bool set_choice(struct parse *parse, const struct option *option, struct text value)
{
	struct text_buf want;

	text_buf_init(&want, 256);
	for (int i = 0; option->names[i] != NULL; i++) {
		if (text_is(value, option->names[i])) {
			*(int *)(void *)(parse->out + option->offset) = i;
			text_buf_done(&want);
			return true;
		}
		(void)text_buf_format(&want, "%s%s", i == 0 ? "" : ", ", option->names[i]);
	}
	(void)bad_value(parse, option, value, text_buf_view(&want).data);
	text_buf_done(&want);
	return false;
}

static bool set_value(struct parse *parse, const struct option *option, struct text value)
{
	void *field = parse->out + option->offset;

	switch (option->kind) {
	case OPTION_FLAG:
		*(bool *)field = true;
		return true;
	case OPTION_TEXT:
		*(struct text *)field = value;
		return true;
	case OPTION_TEXTS:
		append_text(parse->arena, field, value);
		return true;
	case OPTION_INT:
		if (text_to_int64(value, option->min, option->max, field))
			return true;
		return fault_set(parse->fault, FAULT_USAGE,
		                 "--%s is \"%.*s\"; want a number from %lld to %lld", option->name,
		                 TEXT_ARG(value), (long long)option->min, (long long)option->max);
	case OPTION_USD:
		return setting_parse_usd(value, field) ||
		       bad_value(parse, option, value, "an amount in USD like 2.00");
	case OPTION_DURATION:
		return setting_parse_duration(value, field) ||
		       bad_value(parse, option, value,
		                 "a duration like 500ms, 10s, 15m, 1h or 14d (at most 36500d)");
	case OPTION_CHOICE:
		return set_choice(parse, option, value);
	}
	return false;
}

static const struct option *find_long(const struct option_table *table, struct text name)
{
	for (size_t i = 0; i < table->count; i++)
		if (text_is(name, table->rows[i].name))
			return &table->rows[i];
	return NULL;
}

static bool unknown_option(struct parse *parse, struct text name)
{
	const char *names[OPTIONS_MAX + 1];
	size_t count = 0;

	for (size_t i = 0; i < parse->table->count; i++)
		names[count++] = parse->table->rows[i].name;
	names[count++] = "help";
	const char *nearest = text_nearest(name, names, count);
	if (nearest == NULL)
		return fault_set(parse->fault, FAULT_USAGE, "unknown option --%.*s",
		                 TEXT_ARG(name));
	return fault_set(parse->fault, FAULT_USAGE, "unknown option --%.*s (did you mean --%s?)",
	                 TEXT_ARG(name), nearest);
}

/* Marks the option as given; a second time is a mistake unless it may repeat. */
static bool note_given(struct parse *parse, const struct option *option)
{
	uint64_t bit = UINT64_C(1) << (size_t)(option - parse->table->rows);

	if ((parse->given & bit) != 0 && option->kind != OPTION_TEXTS &&
	    option->kind != OPTION_FLAG)
		return fault_set(parse->fault, FAULT_USAGE, "--%s is given twice", option->name);
	parse->given |= bit;
	return true;
}

/* Takes one option and, where it has one, its value; *taken: arguments used. */
static bool take_option(struct parse *parse, char *const *arguments, int left, int *taken)
{
	struct text word = text_of(arguments[0]);
	const struct option *option = NULL;
	struct text value = {NULL, 0};

	*taken = 1;
	if (text_starts(word, TEXT("--"))) {
		struct text name = text_slice(word, 2, word.len);
		size_t equals = text_find_byte(name, '=', 0);
		if (equals != TEXT_NOT_FOUND) {
			value = text_slice(name, equals + 1, name.len);
			name = text_slice(name, 0, equals);
		}
		option = find_long(parse->table, name);
		if (option == NULL)
			return unknown_option(parse, name);
	} else {
		for (size_t i = 0; i < parse->table->count && option == NULL; i++)
			if (parse->table->rows[i].letter == arguments[0][1])
				option = &parse->table->rows[i];
		if (option == NULL)
			return fault_set(parse->fault, FAULT_USAGE, "unknown option %.*s",
			                 TEXT_ARG(word));
		if (word.len > 2)
			value = text_slice(word, 2, word.len);
	}
	if (option->kind == OPTION_FLAG && value.data != NULL)
		return fault_set(parse->fault, FAULT_USAGE, "--%s takes no value", option->name);
	if (option->kind != OPTION_FLAG && value.data == NULL) {
		if (left < 2)
			return fault_set(parse->fault, FAULT_USAGE, "--%s needs a value: %s",
			                 option->name, option->value);
		value = text_of(arguments[1]);
		*taken = 2;
	}
	return note_given(parse, option) && set_value(parse, option, value);
}

static bool belongs(const struct parse *parse, const struct option *option)
{
	return option->verbs == 0 || (option->verbs & parse->verb) != 0;
}

/* The first operand says which options there may be. */
static bool take_verb(struct parse *parse, const struct text_list *operands)
{
	const char *const *verbs = parse->table->verbs;
	struct text_buf names;
	size_t count = 0;

	parse->verb = ~0u;
	if (verbs == NULL)
		return true;
	text_buf_init(&names, 256);
	for (; verbs[count] != NULL; count++)
		(void)text_buf_format(&names, "%s%s", count == 0 ? "" : ", ", verbs[count]);
	for (size_t i = 0; i < count; i++)
		if (operands->count > 0 && text_is(operands->items[0], verbs[i]))
			parse->verb = 1u << i;
	if (parse->verb == ~0u && operands->count == 0)
		(void)fault_set(parse->fault, FAULT_USAGE, "want one of %s", names.data);
	else if (parse->verb == ~0u)
		(void)fault_set(parse->fault, FAULT_USAGE, "\"%.*s\" is none of %s",
		                TEXT_ARG(operands->items[0]), names.data);
	text_buf_done(&names);
	if (parse->verb == ~0u)
		return false;
	for (size_t i = 0; i < parse->table->count; i++)
		if ((parse->given >> i & 1) != 0 && !belongs(parse, &parse->table->rows[i]))
			return fault_set(parse->fault, FAULT_USAGE, "--%s does not belong to %.*s",
			                 parse->table->rows[i].name, TEXT_ARG(operands->items[0]));
	return true;
}

/* PROVISO_MAX_SPEND for --max-spend. */
static bool take_environment(struct parse *parse)
{
	for (size_t i = 0; i < parse->table->count; i++) {
		const struct option *option = &parse->table->rows[i];
		char name[80] = "PROVISO_";
		size_t len = sizeof("PROVISO_") - 1;

		if ((parse->given >> i & 1) != 0 || !belongs(parse, option))
			continue;
		for (const char *c = option->name; *c != '\0' && len < sizeof(name) - 1; c++)
			name[len++] = *c == '-' ? '_' : (char)(*c >= 'a' ? *c - 'a' + 'A' : *c);
		name[len] = '\0';
		const char *value = getenv(name);
		if (value == NULL || *value == '\0')
			continue;
		if (option->kind == OPTION_FLAG && strcmp(value, "0") == 0)
			continue;
		if (!set_value(parse, option, text_of(value)))
			return fault_within(parse->fault, "reading %s from the environment", name);
	}
	return true;
}

bool options_parse(const struct option_table *table, char *const *arguments, int count,
                   struct arena *arena, void *out, bool *help, struct fault *fault)
{
	struct parse parse = {.table = table, .arena = arena, .out = out, .fault = fault};
	struct text_list *operands = (struct text_list *)(void *)(parse.out + table->operands);
	bool options_over = false;

	REQUIRE(table->count <= OPTIONS_MAX);
	*help = false;
	for (int i = 0; i < count;) {
		struct text word = text_of(arguments[i]);
		int taken = 1;
		if (!options_over && text_is(word, "--")) {
			options_over = true;
		} else if (options_over || word.len < 2 || word.data[0] != '-') {
			if (operands->count == table->operands_max)
				return fault_set(fault, FAULT_USAGE, "unexpected argument \"%.*s\"",
				                 TEXT_ARG(word));
			append_text(arena, operands, word);
		} else if (text_is(word, "--help") || text_is(word, "-h")) {
			*help = true;
			return true;
		} else if (!take_option(&parse, arguments + i, count - i, &taken)) {
			return false;
		}
		i += taken;
	}
	return take_verb(&parse, operands) && take_environment(&parse);
}

void options_print(const struct option_table *table, FILE *stream)
{
	enum { HELP_COLUMN = 30 };

	for (size_t i = 0; i < table->count; i++) {
		const struct option *option = &table->rows[i];
		char left[96];
		int len = snprintf(
		    left, sizeof(left), "  %c%c%c --%s%s%s", option->letter != 0 ? '-' : ' ',
		    option->letter != 0 ? option->letter : ' ', option->letter != 0 ? ',' : ' ',
		    option->name, option->kind == OPTION_FLAG ? "" : " ",
		    option->kind == OPTION_FLAG ? "" : option->value);
		(void)fprintf(stream, "%s", left);
		if (len >= HELP_COLUMN)
			(void)fprintf(stream, "\n%*s", HELP_COLUMN, "");
		else
			(void)fprintf(stream, "%*s", HELP_COLUMN - len, "");
		(void)fprintf(stream, "%s%s\n", option->help,
		              option->kind == OPTION_TEXTS ? " (may be repeated)" : "");
	}
}
