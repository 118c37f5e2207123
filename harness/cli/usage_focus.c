/*
 * Usage as charges of FOCUS 1.2 (FinOps Open Cost and Usage Specification), with the names that
 * 1.3 adds: a row for each day, provider, team, target, key, workflow and task. Texts are left as
 * they are: the specification wants no guard against spreadsheets.
 *
 * The ledger knows the cost of an attempt, not of its kinds of tokens: so the quantity is all
 * tokens, and unit prices are null.
 */
#include "harness/cli/usage_output.h"

#include "harness/base/csv.h"
#include "harness/base/json_write.h"
#include "harness/base/loop.h"

enum { BY_DAY, BY_PROVIDER, BY_MODEL, BY_TEAM, BY_KEY, BY_WORKFLOW, BY_TASK, BY_COUNT };
static const char *const by_names[BY_COUNT] = {"day",    "provider", "model", "team",
                                               "key_id", "workflow", "task"};
static const int64_t DAY_MS = 86400000;

static const char *const columns[] = {
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "EffectiveCost",
    "HostProviderName",
    "InvoiceIssuerName",
    "ListCost",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
    "ServiceProviderName",
    "ServiceSubcategory",
    "SkuId",
    "SubAccountId",
    "SubAccountName",
    "Tags",
    "x_InputTokens",
    "x_CachedTokens",
    "x_CacheWriteTokens",
    "x_OutputTokens",
    "x_ReasoningTokens",
    "x_RequestCount",
    "x_AttemptCount",
    "x_UnpricedCount",
    "x_KeyId",
};

void usage_focus_by(struct usage_query *query)
{
	query->by_count = BY_COUNT;
	for (size_t i = 0; i < BY_COUNT; i++)
		query->by[i] = text_of(by_names[i]);
}

/* "12.0": readers that guess a column's type from its values must see a decimal. */
static void write_decimal(struct csv_writer *writer, struct text number, struct arena *arena)
{
	if (text_find_byte(number, '.', 0) == TEXT_NOT_FOUND)
		number = text_format(arena, "%.*s.0", TEXT_ARG(number));
	csv_write_text(writer, number);
}

static void write_or_null(struct csv_writer *writer, struct text value)
{
	if (value.len == 0)
		csv_write_unknown(writer);
	else
		csv_write_text(writer, value);
}

static struct text tags_of(const struct usage_group *group, struct arena *arena)
{
	struct text_buf out;
	struct json_writer writer;

	text_buf_init(&out, 64 << 10);
	json_writer_init(&writer, &out, false);
	json_write_object(&writer);
	for (size_t i = BY_WORKFLOW; i <= BY_TASK; i++)
		if (group->values[i].len > 0)
			json_write_member(&writer, by_names[i], group->values[i]);
	json_write_object_end(&writer);
	struct text tags = text_copy(arena, text_buf_view(&out));
	text_buf_done(&out);
	return tags;
}

/* The first of the next month. */
static struct text month_end(struct text month_start, struct arena *arena)
{
	int64_t start_ms;
	bool good = wall_parse(month_start, &start_ms);

	REQUIRE(good);
	struct text later = wall_format(arena, start_ms + 32 * DAY_MS, false);
	return text_format(arena, "%.*s-01T00:00:00Z", 7, later.data);
}

static void write_charge(const struct usage_group *group, struct csv_writer *writer,
                         struct arena *arena)
{
	struct text day = group->values[BY_DAY];
	struct text provider = group->values[BY_PROVIDER];
	struct text model = group->values[BY_MODEL];
	struct text cost = money_text(group->cost, arena);
	struct text month = text_format(arena, "%.*s-01T00:00:00Z", 7, day.data);
	struct text tokens = text_format(
	    arena, "%lld.0", (long long)(group->prompt_tokens + group->completion_tokens));
	int64_t day_ms;
	bool good = wall_parse(day, &day_ms);

	REQUIRE(good);
	write_decimal(writer, cost, arena);              /* BilledCost */
	csv_write_text(writer, provider);                /* BillingAccountId */
	csv_write_text(writer, provider);                /* BillingAccountName */
	csv_write_text(writer, TEXT("USD"));             /* BillingCurrency */
	csv_write_text(writer, month_end(month, arena)); /* BillingPeriodEnd */
	csv_write_text(writer, month);                   /* BillingPeriodStart */
	csv_write_text(writer, TEXT("Usage"));           /* ChargeCategory */
	csv_write_unknown(writer);                       /* ChargeClass */
	csv_write_text(writer, text_format(arena, "%.*s tokens", TEXT_ARG(model)));
	csv_write_text(writer, TEXT("Usage-Based"));                        /* ChargeFrequency */
	csv_write_text(writer, wall_format(arena, day_ms + DAY_MS, false)); /* ChargePeriodEnd */
	csv_write_text(writer, wall_format(arena, day_ms, false));          /* ChargePeriodStart */
	csv_write_text(writer, tokens);                                     /* ConsumedQuantity */
	csv_write_text(writer, TEXT("Tokens"));                             /* ConsumedUnit */
	write_decimal(writer, cost, arena);                                 /* ContractedCost */
	write_decimal(writer, cost, arena);                                 /* EffectiveCost */
	csv_write_text(writer, provider);                                   /* HostProviderName */
	csv_write_text(writer, provider);                                   /* InvoiceIssuerName */
	write_decimal(writer, cost, arena);                                 /* ListCost */
	csv_write_text(writer, TEXT("Standard"));                           /* PricingCategory */
	csv_write_text(writer, tokens);                                     /* PricingQuantity */
	csv_write_text(writer, TEXT("Tokens"));                             /* PricingUnit */
	csv_write_text(writer, provider);                                   /* ProviderName */
	csv_write_text(writer, provider);                                   /* PublisherName */
	csv_write_text(writer, TEXT("AI and Machine Learning"));            /* ServiceCategory */
	csv_write_text(writer,
	               text_format(arena, "%.*s API", TEXT_ARG(provider))); /* ServiceName */
	csv_write_text(writer, provider);              /* ServiceProviderName */
	csv_write_text(writer, TEXT("Generative AI")); /* ServiceSubcategory */
	csv_write_text(writer,
	               text_format(arena, "%.*s/%.*s", TEXT_ARG(provider), TEXT_ARG(model)));
	write_or_null(writer, group->values[BY_TEAM]); /* SubAccountId */
	write_or_null(writer, group->values[BY_TEAM]); /* SubAccountName */
	csv_write_text(writer, tags_of(group, arena)); /* Tags */
	csv_write_int(writer, group->prompt_tokens);
	csv_write_int(writer, group->cached_tokens);
	csv_write_int(writer, group->cache_write_tokens);
	csv_write_int(writer, group->completion_tokens);
	csv_write_int(writer, group->reasoning_tokens);
	csv_write_int(writer, group->requests);
	csv_write_int(writer, group->attempts);
	csv_write_int(writer, group->unpriced);
	write_or_null(writer, group->values[BY_KEY]); /* x_KeyId */
	csv_write_end_row(writer);
}

void usage_focus(const struct usage_groups *groups, struct text_buf *out)
{
	struct csv_writer writer;
	struct arena arena = {0};

	csv_writer_init(&writer, out, false);
	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++)
		csv_write_text(&writer, text_of(columns[i]));
	csv_write_end_row(&writer);
	for (size_t i = 0; i < groups->count; i++) {
		/* What was sent nowhere was charged by nobody. */
		if (groups->groups[i].values[BY_PROVIDER].len == 0)
			continue;
		write_charge(&groups->groups[i], &writer, &arena);
		arena_reset(&arena);
	}
	arena_done(&arena);
}
