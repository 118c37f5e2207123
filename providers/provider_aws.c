/*
 * AWS's own ways: keys in three parts that sign, in variables that all of AWS's tools read, and a
 * region in every URL (AWS SDKs and Tools reference guide, "Environment variables").
 */
#include "providers/provider_private.h"

#include <stdlib.h>

static const struct text SECRET_REF = TEXT_INIT("env:AWS_SECRET_ACCESS_KEY");
static const struct text ID_REF = TEXT_INIT("env:AWS_ACCESS_KEY_ID");
static const struct text TOKEN_REF = TEXT_INIT("env:AWS_SESSION_TOKEN");
static const struct text NONE = {NULL, 0};

static struct text variable(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || value[0] == '\0' ? NONE : text_of(value);
}

struct text provider_aws_key_ref(void)
{
	return variable("AWS_SECRET_ACCESS_KEY").data == NULL ? NONE : SECRET_REF;
}

struct text provider_aws_region(const struct catalog_entry *entry)
{
	struct text region = variable("AWS_REGION");

	if (!entry->aws_keys)
		return entry->provider.region;
	if (region.data == NULL)
		region = variable("AWS_DEFAULT_REGION");
	return region.data == NULL ? entry->provider.region : region;
}

struct text provider_aws_url(const struct catalog_entry *entry, struct text region,
                             struct arena *arena)
{
	struct text url = entry->provider.base_url, own = entry->provider.region;
	size_t at = text_find(url, own, 0);

	if (!entry->aws_keys || at == TEXT_NOT_FOUND)
		return url;
	return text_format(arena, "%.*s%.*s%.*s", TEXT_ARG(text_slice(url, 0, at)),
	                   TEXT_ARG(region), TEXT_ARG(text_slice(url, at + own.len, url.len)));
}

/* The second label of "bedrock-runtime.eu-central-1.amazonaws.com"; "" where it is no such host. */
static struct text region_of(struct text url)
{
	size_t scheme = text_find(url, TEXT("://"), 0);
	struct text host = TEXT(""), label = TEXT("");

	if (scheme != TEXT_NOT_FOUND)
		host = text_slice(url, scheme + 3, text_find_byte(url, '/', scheme + 3));
	if (text_find(host, TEXT(".amazonaws.com"), 0) == TEXT_NOT_FOUND ||
	    !text_next_field(&host, '.', &label) || !text_next_field(&host, '.', &label))
		return TEXT("");
	return label;
}

/* It goes into a URL and a signature. */
static bool region_is_good(struct text region)
{
	for (size_t i = 0; i < region.len; i++) {
		char c = region.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return region.len > 0 && region.len <= 64;
}

bool provider_aws_read(struct provider *provider, const struct provider_aws_config *config,
                       struct text region, struct arena *arena, struct fault *fault)
{
	struct provider_aws *aws = &provider->aws;
	bool usual = text_equal(provider->key_ref, SECRET_REF);

	if (config == NULL && !usual)
		return true;
	if (provider->key_ref.data == NULL)
		return fault_set(fault, FAULT_INPUT,
		                 "what signs is missing: api_key says where the secret access key "
		                 "is");
	if (config != NULL) {
		aws->access_key_id_ref = config->access_key_id;
		aws->session_token_ref = config->session_token;
	} else if (variable("AWS_SESSION_TOKEN").data != NULL) {
		aws->session_token_ref = TOKEN_REF;
	}
	/* A secret access key is never sent itself. */
	if (aws->access_key_id_ref.data == NULL && usual)
		aws->access_key_id_ref = ID_REF;
	if (aws->access_key_id_ref.data == NULL)
		return fault_set(fault, FAULT_INPUT,
		                 "aws needs access_key_id: api_key is the secret of that id");
	aws->region = region_of(provider->base_url);
	if (aws->region.len == 0)
		aws->region = text_copy(arena, region);
	if (!region_is_good(aws->region))
		return fault_set(fault, FAULT_INPUT,
		                 "what is signed needs a region, such as region: eu-central-1");
	return true;
}

static bool load(struct text reference, struct place place, struct secret **out,
                 struct fault *fault)
{
	return reference.data == NULL || *out != NULL || secret_load(reference, place, out, fault);
}

bool provider_aws_load(struct provider *provider, struct fault *fault)
{
	const struct json *node = json_member(provider->node, "aws");
	struct provider_aws *aws = &provider->aws;
	struct place place = {NULL, 0};

	if (node != NULL)
		place = json_place(node);
	return load(aws->access_key_id_ref, place, &aws->access_key_id, fault) &&
	       load(aws->session_token_ref, place, &aws->session_token, fault);
}

void provider_aws_done(struct provider_aws *aws)
{
	secret_free(aws->access_key_id);
	secret_free(aws->session_token);
	aws->access_key_id = NULL;
	aws->session_token = NULL;
}
