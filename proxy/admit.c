/* Keys, their scopes and their rates at the door; see admit.h. */
#include "proxy/admit.h"

/* "Authorization: Bearer KEY" or "x-api-key: KEY"; data NULL: neither. */
static struct text presented_key(const struct http_request *request)
{
	struct text authorization = http_header(request, "authorization");

	return authorization.data != NULL ? http_bearer(authorization)
	                                  : http_header(request, "x-api-key");
}

bool admit_key(struct worker *worker, const struct http_request *request, const struct key **out,
               struct refusal *refusal)
{
	struct text presented = presented_key(request);

	*out = NULL;
	if (worker->proxy->keys == NULL)
		return true;
	if (presented.data == NULL)
		return refusal_set(refusal, REFUSAL_INVALID_API_KEY,
		                   "no key came: send Authorization: Bearer KEY, or x-api-key");
	enum key_result result =
	    key_find(worker->proxy->keys, presented, loop_wall_ms(worker->loop), out);
	if (result == KEY_GOOD)
		return true;
	*out = NULL;
	return refusal_set(refusal,
	                   result == KEY_NO_STORE ? REFUSAL_UNAVAILABLE : REFUSAL_INVALID_API_KEY,
	                   "%s", key_result_text(result));
}

bool admit_client(struct worker *worker, const struct http_request *request, enum endpoint endpoint,
                  struct relay_client *out, struct refusal *refusal)
{
	struct text team = http_header(request, "x-proviso-team");

	*out = (struct relay_client){.team = team};
	if (!admit_key(worker, request, &out->key, refusal))
		return false;
	if (out->key == NULL)
		return true;
	if (!key_allows_endpoint(out->key, endpoint_name(endpoint))) {
		(void)refusal_set(refusal, REFUSAL_NOT_ALLOWED,
		                  "this key may not use the endpoint %s", endpoint_name(endpoint));
	} else if (!key_team(out->key, team, &out->team)) {
		(void)refusal_set(refusal, REFUSAL_NOT_ALLOWED,
		                  "this key may not name that team (x-proviso-team)");
	} else {
		return true;
	}
	admit_drop(worker, out);
	return false;
}

/* What is known before the request is read. */
static struct budget_scope scope_of(const struct relay_client *client)
{
	struct budget_scope scope = {.team = client->team, .key_limit_pico_usd = -1};

	if (client->key != NULL) {
		scope.key = client->key->id;
		scope.key_limit_pico_usd = client->key->budget_pico_usd;
		scope.key_per = client->key->per;
		scope.key_unpriced = client->key->unpriced;
	}
	return scope;
}

bool admit_read(struct worker *worker, const struct http_request *request,
                const struct relay_client *client, enum endpoint endpoint, struct arena *arena,
                struct intake *out, struct refusal *refusal)
{
	struct budget_table *budgets = worker->proxy->budgets;
	struct budget_scope scope = scope_of(client);
	struct intake_facts facts = {
	    .now_wall_ms = loop_wall_ms(worker->loop),
	    .random = worker_random(worker),
	    .price_needed = budget_needs_price(budgets, &scope),
	};

	if (client->key != NULL) {
		facts.key_id = client->key->id;
		facts.demand = key_demand(client->key->evidence, client->key->max_age_ms);
	}
	if (!intake_read(worker->snapshot, request, endpoint, &facts, arena, out, refusal))
		return false;
	/* Which task it is, and so whether a budget for it applies, is known only now. */
	scope.workflow = out->workflow;
	scope.task = out->decision.task;
	if (facts.price_needed || !budget_needs_price(budgets, &scope))
		return true;
	out->request.price_needed = true;
	return intake_decide(worker->snapshot, arena, out, refusal);
}

static bool take_rate(struct worker *worker, const struct intake *intake,
                      struct relay_client *client, struct refusal *refusal)
{
	const struct key *key = client->key;
	const struct rate_limits limits = {key->requests_per_minute, key->tokens_per_minute,
	                                   key->streams};
	int64_t wait_ms = 0;

	client->rate_tokens = price_estimate_tokens(intake->shape.prompt_bytes) +
	                      int64_max(intake->shape.max_output, 0);
	enum rate_result result =
	    rate_take(worker->proxy->rates, key->id, &limits, client->rate_tokens,
	              loop_now_us(worker->loop), &wait_ms);
	client->rate_taken = result == RATE_TAKEN;
	if (client->rate_taken)
		return true;
	(void)refusal_set(refusal, REFUSAL_RATE_LIMITED, "this key's limit of %s is reached",
	                  result == RATE_REQUESTS ? "requests per minute"
	                  : result == RATE_TOKENS ? "tokens per minute"
	                                          : "requests at once");
	refusal->retry_after_s = rate_retry_after_s(wait_ms);
	return false;
}

/* Of the candidates those that the key may use, in their order. */
static void keep_allowed(const struct key *key, struct router_decision *decision)
{
	size_t kept = 0;

	for (size_t i = 0; i < decision->count; i++)
		if (key_allows_target(key, decision->candidates[i].target->name))
			decision->candidates[kept++] = decision->candidates[i];
	decision->count = kept;
}

static bool check_scope(const struct key *key, struct router_decision *decision,
                        struct refusal *refusal)
{
	size_t proven = decision->count;
	bool allowed = key_allows_route(key, decision->route);

	keep_allowed(key, decision);
	/* Where nothing was proven that is what is wrong, whatever the key may. */
	if (!allowed || (proven > 0 && decision->count == 0))
		return refusal_set(refusal, REFUSAL_NOT_ALLOWED,
		                   "this key may not use this route or target");
	return true;
}

bool admit_request(struct worker *worker, struct intake *intake, struct relay_client *client,
                   struct refusal *refusal)
{
	return client->key == NULL || (check_scope(client->key, &intake->decision, refusal) &&
	                               take_rate(worker, intake, client, refusal));
}

bool admit_explained(const struct relay_client *client, struct arena *arena, struct intake *intake,
                     struct refusal *refusal)
{
	struct router_decision *decision = &intake->decision;

	if (client->key == NULL)
		return true;
	size_t count = decision->exclusion_count;
	struct router_exclusion *excluded =
	    ARENA_NEW_ARRAY(arena, struct router_exclusion, count + decision->count);
	if (count > 0)
		memcpy(excluded, decision->exclusions, count * sizeof(*excluded));
	for (size_t i = 0; i < decision->count; i++) {
		const struct target *target = decision->candidates[i].target;
		if (!key_allows_target(client->key, target->name))
			excluded[count++] = (struct router_exclusion){
			    .target = target, .reason = TEXT("this key may not use it")};
	}
	decision->exclusions = excluded;
	decision->exclusion_count = count;
	return check_scope(client->key, decision, refusal);
}

void admit_drop(struct worker *worker, struct relay_client *client)
{
	if (client->rate_taken) {
		const struct rate_limits limits = {client->key->requests_per_minute,
		                                   client->key->tokens_per_minute,
		                                   client->key->streams};
		rate_end(worker->proxy->rates, client->key->id, &limits, client->rate_tokens, 0);
	}
	key_drop(client->key);
	*client = (struct relay_client){.key = NULL};
}
