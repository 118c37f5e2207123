// The official Anthropic client against the proxy: what programs do with it, one scenario each.
// usage: node FILE, with ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY and MODEL in the environment.
import Anthropic from '@anthropic-ai/sdk'
import { model, run } from './set.mjs'

const client = (options = {}) => new Anthropic({ maxRetries: 0, timeout: 60_000, ...options })
const ask = (more = {}) => ({ model, max_tokens: 200, messages: [{ role: 'user', content: 'Say hello.' }], ...more })
const weather = {
  name: 'get_weather',
  description: 'The weather of a city.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}
const text = (message) => message.content.filter((block) => block.type === 'text').map((block) => block.text).join('')
const calls = (message) => message.content.filter((block) => block.type === 'tool_use')

async function failure(promise) {
  try {
    await promise
  } catch (error) {
    const known = ['AuthenticationError', 'BadRequestError', 'NotFoundError', 'RateLimitError', 'InternalServerError',
      'APIConnectionError', 'APIUserAbortError', 'APIError']
    return { class: known.find((name) => error instanceof Anthropic[name]) ?? error.constructor.name,
      status: error.status ?? null, type: error.error?.error?.type ?? null }
  }
  throw new Error('it did not fail')
}

await run({
  message: async () => {
    const said = await client().messages.create(ask({ system: 'Be brief.' }))
    return { type: said.type, role: said.role, stop: said.stop_reason, text: text(said).length > 0,
      input: said.usage.input_tokens > 0, output: said.usage.output_tokens > 0 }
  },
  stream: async () => {
    const stream = client().messages.stream(ask())
    let pieces = ''
    stream.on('text', (piece) => { pieces += piece })
    const said = await stream.finalMessage()
    return { stop: said.stop_reason, same: pieces === text(said) && pieces.length > 0,
      output: said.usage.output_tokens > 0 }
  },
  'the same, streamed or not': async () => {
    const whole = await client().messages.create(ask({ temperature: 0 }))
    const streamed = await client().messages.stream(ask({ temperature: 0 })).finalMessage()
    return { same: text(whole) === text(streamed) && text(whole).length > 0 }
  },
  'a tool and its result': async () => {
    const question = { role: 'user', content: 'What is the weather in Paris?' }
    const first = await client().messages.create(ask({ tools: [weather], tool_choice: { type: 'any' }, messages: [question] }))
    const [call] = calls(first)
    const second = await client().messages.create(ask({ tools: [weather], messages: [question,
      { role: 'assistant', content: first.content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'It is sunny.' }] }] }))
    return { stop: first.stop_reason, name: call.name, city: typeof call.input.city, then: second.stop_reason }
  },
  'a tool, streamed': async () => {
    const stream = client().messages.stream(ask({ tools: [weather], tool_choice: { type: 'tool', name: 'get_weather' } }))
    const said = await stream.finalMessage()
    return { stop: said.stop_reason, calls: calls(said).length, city: typeof calls(said)[0].input.city }
  },
  'an image': async () => {
    const data = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
    const said = await client().messages.create(ask({ messages: [{ role: 'user', content: [
      { type: 'text', text: 'What is this?' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data } }] }] }))
    return { stop: said.stop_reason }
  },
  'a cap': async () => {
    const said = await client().messages.create(ask({ max_tokens: 3 }))
    return { stop: said.stop_reason, output: said.usage.output_tokens }
  },
  'counts tokens': async () => {
    const counted = await client().messages.countTokens({ model, messages: ask().messages })
    return { some: counted.input_tokens > 0 }
  },
  'leaves a stream': async () => {
    const stream = await client().messages.create(ask({ stream: true, max_tokens: 1000 }))
    for await (const event of stream) {
      if (event.type === 'content_block_delta') break
    }
    const next = await client().messages.create(ask())
    return { next: next.stop_reason }
  },
  'wrong key': () => failure(client({ apiKey: 'pv_nobody' }).messages.create(ask())),
  'unknown model': () => failure(client().messages.create(ask({ model: 'nothing' }))),
  'no messages': () => failure(client().messages.create(ask({ messages: 'hello' }))),
  'no key, streamed': () => failure(client({ apiKey: 'pv_nobody' }).messages.stream(ask()).finalMessage()),
})
