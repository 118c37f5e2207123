/*
 * Charges in the columns of FOCUS 1.2 (FinOps Open Cost and Usage Specification), with the names
 * that 1.3 adds, and the metadata that goes with them. Texts are left as they are: the
 * specification wants no guard against spreadsheets.
 *
 * A charge's unit price times its quantity is ListCost, and with a percentage on top
 * ContractedCost; BilledCost and EffectiveCost are what the ledger holds, which differs where a
 * provider told another cost than its price gives.
 */
#include "harness/cli/usage_output.h"

#include "harness/base/csv.h"
#include "harness/base/digest.h"
#include "harness/base/json_write.h"
#include "harness/base/loop.h"
#include "harness/base/text_map.h"
#include "harness/cli/focus_charges.h"
#include "providers/provider.h"

enum { TAGS_MAX_BYTES = 64 << 10, SCHEMA_DIGITS = 16, PRICE_PLACES = 30, COST_PLACES = 12 };
static const int64_t DAY_MS = 86400000;

enum type { STRING, DECIMAL, MOMENT, OBJECT };

/* Own columns last. */
static const struct {
	const char *name;
	enum type type;
	int places; /* of a decimal, at most */
} columns[] = {
    {"BilledCost", DECIMAL, COST_PLACES},
    {"BillingAccountId", STRING, 0},
    {"BillingAccountName", STRING, 0},
    {"BillingCurrency", STRING, 0},
    {"BillingPeriodEnd", MOMENT, 0},
    {"BillingPeriodStart", MOMENT, 0},
    {"ChargeCategory", STRING, 0},
    {"ChargeClass", STRING, 0},
    {"ChargeDescription", STRING, 0},
    {"ChargeFrequency", STRING, 0},
    {"ChargePeriodEnd", MOMENT, 0},
    {"ChargePeriodStart", MOMENT, 0},
    {"ConsumedQuantity", DECIMAL, 1},
    {"ConsumedUnit", STRING, 0},
    {"ContractedCost", DECIMAL, PRICE_PLACES},
    {"EffectiveCost", DECIMAL, COST_PLACES},
    {"HostProviderName", STRING, 0},
    {"InvoiceIssuerName", STRING, 0},
    {"ListCost", DECIMAL, PRICE_PLACES},
    {"PricingCategory", STRING, 0},
    {"PricingQuantity", DECIMAL, COST_PLACES},
    {"PricingUnit", STRING, 0},
    {"ProviderName", STRING, 0},
    {"PublisherName", STRING, 0},
    {"ServiceCategory", STRING, 0},
    {"ServiceName", STRING, 0},
    {"ServiceProviderName", STRING, 0},
    {"ServiceSubcategory", STRING, 0},
    {"SkuId", STRING, 0},
    {"SubAccountId", STRING, 0},
    {"SubAccountName", STRING, 0},
    {"Tags", OBJECT, 0},
    {"ContractedUnitPrice", DECIMAL, PRICE_PLACES},
    {"ListUnitPrice", DECIMAL, PRICE_PLACES},
    {"RegionId", STRING, 0},
    {"RegionName", STRING, 0},
    {"SkuMeter", STRING, 0},
    {"SkuPriceDetails", STRING, 0},
    {"SkuPriceId", STRING, 0},
    {"x_InputTokens", DECIMAL, 0},
    {"x_CachedTokens", DECIMAL, 0},
    {"x_CacheWriteTokens", DECIMAL, 0},
    {"x_OutputTokens", DECIMAL, 0},
    {"x_ReasoningTokens", DECIMAL, 0},
    {"x_RequestCount", DECIMAL, 0},
    {"x_AttemptCount", DECIMAL, 0},
    {"x_KeyId", STRING, 0},
    {"x_EstimatedCount", DECIMAL, 0},
};

/* As people read them, and as a description and a SKU price have them. */
static const struct {
	const char *meter, *words, *sku;
} meters[FOCUS_METERS] = {
    [PRICE_METER_INPUT] = {"Input tokens", "input tokens", "input"},
    [PRICE_METER_CACHED_INPUT] = {"Input tokens, cached", "cached input tokens", "input_cached"},
    [PRICE_METER_CACHE_WRITE] = {"Input tokens, written to cache",
                                 "input tokens written to the cache", "input_cache_write"},
    [PRICE_METER_CACHE_WRITE_1H] = {"Input tokens, written to cache for an hour",
                                    "input tokens written to the cache for an hour",
                                    "input_cache_write_1h"},
    [PRICE_METER_OUTPUT] = {"Output tokens", "output tokens", "output"},
    [PRICE_METER_REASONING] = {"Output tokens, reasoning", "reasoning tokens", "output_reasoning"},
    [PRICE_METER_REQUEST] = {"Requests", "requests", "request"},
    [FOCUS_METER_TOLD] = {"Charges, as told", "charges as told", "told"},
};

/* Where charges are written, and what is looked up for them once only. */
struct focus_writer {
	struct csv_writer csv;
	struct arena row;       /* of the charge at hand */
	struct arena *arena;    /* of all */
	struct text_map titles; /* struct text, by a provider's name */
};

static struct text title_of(struct focus_writer *focus, struct text name)
{
	struct text *title = text_map_find(&focus->titles, name);

	if (title == NULL) {
		title = ARENA_NEW(focus->arena, struct text);
		*title = provider_title(name, focus->arena);
		text_map_add(&focus->titles, text_copy(focus->arena, name), title);
	}
	return *title;
}

/* --- cells --- */

/* "12.0": readers that guess a column's type from its values must see a decimal. */
static void write_decimal(struct csv_writer *writer, struct text number, struct arena *arena)
{
	if (text_find_byte(number, '.', 0) == TEXT_NOT_FOUND)
		number = text_format(arena, "%.*s.0", TEXT_ARG(number));
	csv_write_number(writer, number);
}

static void write_number(struct csv_writer *writer, struct decimal number, struct arena *arena)
{
	struct text_buf text;

	text_buf_init(&text, 256);
	decimal_write(number, &text);
	write_decimal(writer, text_buf_view(&text), arena);
	text_buf_done(&text);
}

static void write_or_null(struct csv_writer *writer, struct text value)
{
	if (value.len == 0)
		csv_write_unknown(writer);
	else
		csv_write_text(writer, value);
}

/* A unit price times a quantity; of so many digits that 38 hold them. */
static struct decimal cost_of(struct decimal price, int64_t quantity)
{
	struct decimal cost = price;

	while (!decimal_multiply(&cost, (uint64_t)quantity, 0) && cost.places > 0)
		decimal_round(&cost, cost.places - 1);
	return cost;
}

/* One flat JSON object of what is known; data NULL: nothing is. */
static struct text object_of(const char *const names[], const struct text values[], size_t count,
                             struct arena *arena)
{
	struct text_buf out;
	struct json_writer writer;
	struct text object = {NULL, 0};
	bool any = false;

	text_buf_init(&out, TAGS_MAX_BYTES);
	json_writer_init(&writer, &out, false);
	json_write_object(&writer);
	for (size_t i = 0; i < count; i++) {
		if (values[i].len == 0)
			continue;
		json_write_member(&writer, names[i], values[i]);
		any = true;
	}
	json_write_object_end(&writer);
	if (any && !out.overflow)
		object = text_copy(arena, text_buf_view(&out));
	text_buf_done(&out);
	return object;
}

static struct text tags_of(const struct focus_charge *charge, struct arena *arena)
{
	static const char *const names[] = {"workflow", "task"};
	const struct text values[] = {charge->workflow, charge->task};
	struct text tags = object_of(names, values, ARRAY_LENGTH(names), arena);

	return tags.data == NULL ? TEXT("{}") : tags;
}

static struct text details_of(const struct focus_charge *charge, struct arena *arena)
{
	static const char *const names[] = {"x_ServiceTier", "x_PromptTokensAbove",
	                                    "x_WindowFromUtc", "x_Region"};
	const struct text values[] = {charge->service, charge->above, charge->window,
	                              charge->region};

	return object_of(names, values, ARRAY_LENGTH(names), arena);
}

/* The same price at another time or amount has the same id. */
static struct text sku_price_of(const struct focus_charge *charge, struct text sku,
                                struct arena *arena)
{
	const struct {
		const char *name;
		struct text value;
	} conditions[] = {
	    {"above", charge->above}, {"window", charge->window}, {"region", charge->region}};
	struct text id =
	    text_format(arena, "%.*s/%s/%.*s", TEXT_ARG(sku), meters[charge->meter].sku,
	                TEXT_ARG(charge->service.len > 0 ? charge->service : TEXT("default")));

	for (size_t i = 0; i < ARRAY_LENGTH(conditions); i++)
		if (conditions[i].value.len > 0)
			id = text_format(arena, "%.*s/%s-%.*s", TEXT_ARG(id), conditions[i].name,
			                 TEXT_ARG(conditions[i].value));
	return id;
}

/* Who made the model: what routers put before its name, else whoever sells it. */
static struct text publisher_of(struct focus_writer *focus, const struct focus_charge *charge,
                                struct text provider)
{
	size_t slash = text_find_byte(charge->model, '/', 0);

	/* Fireworks: accounts/fireworks/models/... */
	if (slash == TEXT_NOT_FOUND || slash == 0 || text_starts(charge->model, TEXT("accounts/")))
		return provider;
	return title_of(focus, text_slice(charge->model, 0, slash));
}

/* --- a charge --- */

/* What does not hang on the price. */
struct common {
	struct text provider, publisher, sku, day, next_day, month, month_end, cost;
};

static struct common common_of(struct focus_writer *focus, const struct focus_charge *charge)
{
	struct arena *arena = &focus->row;
	struct text day = wall_format(arena, charge->day * DAY_MS, false);
	struct text provider = title_of(focus, charge->provider);
	struct common common = {
	    .provider = provider,
	    .publisher = publisher_of(focus, charge, provider),
	    .sku = text_format(arena, "%.*s/%.*s", TEXT_ARG(charge->provider),
	                       TEXT_ARG(charge->model)),
	    .day = day,
	    .next_day = wall_format(arena, (charge->day + 1) * DAY_MS, false),
	    .month = text_format(arena, "%.*s-01T00:00:00Z", 7, day.data),
	    .cost = money_text(charge->billed, arena),
	};
	int64_t start_ms;
	bool good = wall_parse(common.month, &start_ms);

	REQUIRE(good);
	struct text later = wall_format(arena, start_ms + 32 * DAY_MS, false);
	common.month_end = text_format(arena, "%.*s-01T00:00:00Z", 7, later.data);
	return common;
}

static void write_pricing(const struct focus_charge *charge, const struct common *common,
                          struct csv_writer *writer, struct arena *arena)
{
	bool told = charge->meter == FOCUS_METER_TOLD;
	bool pieces = told || charge->meter == PRICE_METER_REQUEST;

	csv_write_text(writer, told ? TEXT("Other") : TEXT("Standard")); /* PricingCategory */
	if (told)
		write_decimal(writer, common->cost, arena); /* PricingQuantity */
	else
		csv_write_number(writer, text_format(arena, "%lld.0", (long long)charge->quantity));
	csv_write_text(writer, told     ? TEXT("USD")
	                       : pieces ? TEXT("Requests")
	                                : TEXT("Tokens")); /* PricingUnit */
}

static void write_costs(const struct focus_charge *charge, struct decimal price,
                        const struct common *common, struct csv_writer *writer, struct arena *arena)
{
	if (charge->meter == FOCUS_METER_TOLD)
		write_decimal(writer, common->cost, arena);
	else
		write_number(writer, cost_of(price, charge->quantity), arena);
}

/* Each token in one row only, so that a sum over all rows is what was used. */
static void write_own(const struct focus_charge *charge, struct csv_writer *writer)
{
	const size_t meter = charge->meter;
	const int64_t tokens = meter < PRICE_METER_REQUEST ? charge->quantity : 0;
	const bool written =
	    meter == PRICE_METER_CACHE_WRITE || meter == PRICE_METER_CACHE_WRITE_1H;
	const bool out = meter == PRICE_METER_OUTPUT || meter == PRICE_METER_REASONING;
	const int64_t counts[] = {
	    (out ? 0 : tokens) + charge->prompt_tokens,
	    meter == PRICE_METER_CACHED_INPUT ? tokens : 0,
	    written ? tokens : 0,
	    (out ? tokens : 0) + charge->completion_tokens,
	    meter == PRICE_METER_REASONING ? tokens : 0,
	    charge->requests,
	    charge->attempts,
	};

	for (size_t i = 0; i < ARRAY_LENGTH(counts); i++)
		csv_write_int(writer, counts[i]);
	write_or_null(writer, charge->key);
	csv_write_int(writer, charge->estimated);
}

static void write_sku(const struct focus_charge *charge, const struct common *common,
                      struct csv_writer *writer, struct arena *arena)
{
	write_number(writer, charge->price, arena);      /* ContractedUnitPrice */
	write_number(writer, charge->list_price, arena); /* ListUnitPrice */
	write_or_null(writer, charge->region);           /* RegionId */
	write_or_null(writer, charge->region);           /* RegionName */
	csv_write_text(writer, text_of(meters[charge->meter].meter));
	write_or_null(writer, details_of(charge, arena)); /* SkuPriceDetails */
	csv_write_text(writer, sku_price_of(charge, common->sku, arena));
}

static void write_charge(struct focus_writer *focus, const struct focus_charge *charge)
{
	struct csv_writer *writer = &focus->csv;
	struct arena *arena = &focus->row;
	struct common common = common_of(focus, charge);
	bool pieces = charge->meter == PRICE_METER_REQUEST || charge->meter == FOCUS_METER_TOLD;

	write_decimal(writer, common.cost, arena); /* BilledCost */
	csv_write_text(writer, charge->provider);  /* BillingAccountId */
	csv_write_text(writer, charge->provider);  /* BillingAccountName */
	csv_write_text(writer, TEXT("USD"));       /* BillingCurrency */
	csv_write_text(writer, common.month_end);  /* BillingPeriodEnd */
	csv_write_text(writer, common.month);      /* BillingPeriodStart */
	csv_write_text(writer, TEXT("Usage"));     /* ChargeCategory */
	csv_write_unknown(writer);                 /* ChargeClass */
	csv_write_text(writer, text_format(arena, "%.*s %s", TEXT_ARG(charge->model),
	                                   meters[charge->meter].words));
	csv_write_text(writer, TEXT("Usage-Based")); /* ChargeFrequency */
	csv_write_text(writer, common.next_day);     /* ChargePeriodEnd */
	csv_write_text(writer, common.day);          /* ChargePeriodStart */
	csv_write_number(writer, text_format(arena, "%lld.0", (long long)charge->quantity));
	csv_write_text(writer, pieces ? TEXT("Requests") : TEXT("Tokens")); /* ConsumedUnit */
	write_costs(charge, charge->price, &common, writer, arena);         /* ContractedCost */
	write_decimal(writer, common.cost, arena);                          /* EffectiveCost */
	csv_write_text(writer, common.provider);                            /* HostProviderName */
	csv_write_text(writer, common.provider);                            /* InvoiceIssuerName */
	write_costs(charge, charge->list_price, &common, writer, arena);    /* ListCost */
	write_pricing(charge, &common, writer, arena);
	csv_write_text(writer, common.provider);                 /* ProviderName */
	csv_write_text(writer, common.publisher);                /* PublisherName */
	csv_write_text(writer, TEXT("AI and Machine Learning")); /* ServiceCategory */
	csv_write_text(writer,
	               text_format(arena, "%.*s API", TEXT_ARG(common.provider))); /* ServiceName */
	csv_write_text(writer, common.provider);       /* ServiceProviderName */
	csv_write_text(writer, TEXT("Generative AI")); /* ServiceSubcategory */
	csv_write_text(writer, common.sku);            /* SkuId */
	write_or_null(writer, charge->team);           /* SubAccountId */
	write_or_null(writer, charge->team);           /* SubAccountName */
	csv_write_text(writer, tags_of(charge, arena));
	write_sku(charge, &common, writer, arena);
	write_own(charge, writer);
	csv_write_end_row(writer);
}

bool usage_focus(const struct focus_source *source, struct arena *arena, int64_t *unpriced,
                 struct text_buf *out, struct fault *fault)
{
	struct focus_charges charges;
	struct focus_writer focus = {.arena = arena};

	if (!focus_charges_read(source, arena, &charges, fault))
		return false;
	text_map_init(&focus.titles);
	csv_writer_init(&focus.csv, out, false);
	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++)
		csv_write_text(&focus.csv, text_of(columns[i].name));
	csv_write_end_row(&focus.csv);
	for (size_t i = 0; i < charges.count; i++) {
		write_charge(&focus, &charges.charges[i]);
		arena_reset(&focus.row);
	}
	arena_done(&focus.row);
	text_map_done(&focus.titles);
	*unpriced = charges.unpriced;
	return true;
}

/* --- metadata --- */

static const char *const type_names[] = {"STRING", "DECIMAL", "DATETIME", "JSON"};

/* Of the columns: another one for another structure, as the specification asks. */
static struct text schema_id(struct arena *arena)
{
	struct digest digest;
	char hex[DIGEST_HEX + 1];

	digest_init(&digest);
	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++) {
		digest_add_field(&digest, text_of(columns[i].name));
		digest_add_field(&digest, text_of(type_names[columns[i].type]));
	}
	digest_done_hex(&digest, hex);
	return text_format(arena, "proviso-%.*s", SCHEMA_DIGITS, hex);
}

void usage_focus_metadata(struct arena *arena, struct text_buf *out)
{
	enum { PRECISION = 38 };
	struct json_writer writer;

	json_writer_init(&writer, out, true);
	json_write_object(&writer);
	json_write_key(&writer, "DataGenerator");
	json_write_object(&writer);
	json_write_member_c(&writer, "DataGenerator", "Proviso");
	json_write_object_end(&writer);
	json_write_key(&writer, "Schema");
	json_write_object(&writer);
	json_write_member(&writer, "SchemaId", schema_id(arena));
	json_write_member_c(&writer, "FocusVersion", "1.2");
	/* When the columns became what they are, not when a file was written. */
	json_write_member_c(&writer, "CreationDate", "2026-11-29T00:00:00Z");
	json_write_member_c(&writer, "DataGeneratorVersion", PROVISO_VERSION);
	json_write_key(&writer, "ColumnDefinition");
	json_write_array(&writer);
	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++) {
		json_write_object(&writer);
		json_write_member_c(&writer, "ColumnName", columns[i].name);
		json_write_member_c(&writer, "DataType", type_names[columns[i].type]);
		if (columns[i].type == DECIMAL) {
			json_write_member_int(&writer, "NumericPrecision", PRECISION);
			json_write_member_int(&writer, "NumberScale", columns[i].places);
		} else if (columns[i].type == STRING) {
			json_write_member_c(&writer, "StringEncoding", "UTF-8");
		} else if (columns[i].type == OBJECT) {
			/* Which tags are ours and not the user's: none. */
			json_write_key(&writer, "ProviderTagPrefixes");
			json_write_array(&writer);
			json_write_array_end(&writer);
		}
		json_write_object_end(&writer);
	}
	json_write_array_end(&writer);
	json_write_object_end(&writer);
	json_write_object_end(&writer);
	(void)text_buf_byte(out, '\n');
}
