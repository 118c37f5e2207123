// Runs a set of scenarios one after the other and prints what each came to, as one JSON object.
// A scenario returns what a user of the client would see: it must be the same whoever answers.
// usage: node FILE, with OPENAI_BASE_URL, OPENAI_API_KEY and MODEL in the environment.
import OpenAI from 'openai'

// Node's fetch holds what ends a request weakly: collected meanwhile, no timeout and no abort arrives any more, and
// Debian 12's Node (18.20) waits for ever (nodejs/node#55428). Nothing else here is held by a WeakRef.
globalThis.WeakRef = class {
  constructor(held) { this.held = held }
  deref() { return this.held }
}

export const model = process.env.MODEL

export function client(options = {}) {
  return new OpenAI({ maxRetries: 0, timeout: 60_000, ...options })
}

// How a call failed, in the words that programs test: the class and its fields.
export async function failure(promise) {
  try {
    await promise
  } catch (error) {
    const known = ['AuthenticationError', 'PermissionDeniedError', 'BadRequestError', 'NotFoundError', 'ConflictError',
      'UnprocessableEntityError', 'RateLimitError', 'InternalServerError', 'APIConnectionTimeoutError', 'APIUserAbortError',
      'APIConnectionError', 'APIError']
    return {
      class: known.find((name) => error instanceof OpenAI[name]) ?? error.constructor.name,
      status: error.status ?? null,
      type: error.type ?? null,
      code: error.code ?? null,
      param: error.param ?? null,
      message: error.message,
      retryAfter: error.headers?.get?.('retry-after') ?? null,
      requestId: error.headers?.get?.('x-proviso-request-id') ?? error.requestID ?? null,
    }
  }
  throw new Error('it did not fail')
}

export async function run(scenarios) {
  const wanted = process.env.SCENARIOS?.split(',') ?? Object.keys(scenarios)
  const out = {}
  for (const name of wanted) {
    try {
      out[name] = { saw: await scenarios[name]() }
    } catch (error) {
      out[name] = { failed: String(error?.stack ?? error) }
    }
  }
  console.log(JSON.stringify(out))
}
