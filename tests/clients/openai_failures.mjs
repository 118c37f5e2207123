// What programs see of an OpenAI-compatible provider that fails, or that they leave.
// PROVIDERS: by how they fail (`good` does not), {"baseURL", "apiKey"} of each, as JSON.
import assert from 'node:assert/strict'
import { client, failure, model, run } from './set.mjs'

const at = JSON.parse(process.env.PROVIDERS)
const messages = [{ role: 'user', content: 'Say hello to the whole team, please.' }]
const chat = (where, options, parameters) =>
  client({ ...at[where], ...options }).chat.completions.create({ model, messages, ...parameters })

// What the client was told up to the failure, and how it failed.
async function untilItFails(where) {
  let content = ''
  let finished = false
  const failed = await failure((async () => {
    for await (const chunk of await chat(where, {}, { stream: true })) {
      content += chunk.choices[0]?.delta?.content ?? ''
      finished ||= chunk.choices[0]?.finish_reason != null
    }
  })())
  assert.equal(finished, false)
  // A connection that breaks is an error of fetch; the proxy says in the stream what happened.
  assert.ok(['TypeError', 'APIConnectionError', 'APIError'].includes(failed.class), failed.class)
  return { content }
}

await run({
  async 'wrong key'() {
    const { class: name, status, code } = await failure(chat('good', { apiKey: 'wrong' }))
    return { class: name, status, code }
  },

  async 'unknown model'() {
    const { class: name, status, code } = await failure(chat('good', {}, { model: 'nobody-has-this' }))
    return { class: name, status, code }
  },

  async 'unknown path'() {
    const { class: name, status } = await failure(client(at.good).get('/nowhere'))
    return { class: name, status }
  },

  async 'a value out of range'() {
    // The provider's own words: the proxy adds nothing and takes nothing away.
    return { ...await failure(chat('good', {}, { temperature: 9 })), requestId: undefined }
  },

  async 'messages that are none'() {
    const { class: name, status, type } = await failure(chat('good', {}, { messages: 'hello' }))
    return { class: name, status, type }
  },

  async 'rate limited'() {
    const { class: name, status, code, retryAfter } = await failure(chat('limited'))
    assert.ok(Number(retryAfter) >= 60, `Retry-After: ${retryAfter}`)
    return { class: name, status, code }
  },

  async 'rate limited, streamed'() {
    const { class: name, status, code } = await failure(chat('limited', {}, { stream: true }))
    return { class: name, status, code }
  },

  async 'server error'() {
    const { class: name, status } = await failure(chat('failing'))
    return { class: name, status: Math.floor(status / 100) }
  },

  async 'nobody listens'() {
    const { class: name } = await failure(chat('closed'))
    return { class: name }
  },

  async 'times out'() {
    const { class: name } = await failure(chat('stalling', { timeout: 300 }))
    return { class: name }
  },

  async 'times out, streamed'() {
    const { class: name } = await failure(chat('stalling', { timeout: 300 }, { stream: true }))
    return { class: name }
  },

  async 'retries until it is served'() {
    const reply = await chat('flaky', { maxRetries: 5 })
    assert.equal(reply.choices[0].finish_reason, 'stop')
    return { finish: reply.choices[0].finish_reason, content: reply.choices[0].message.content }
  },

  async 'a stream that is cut'() {
    // Where a connection breaks fetch forgets what was not read yet: how much was seen is chance.
    const { content } = await untilItFails('cutting')
    assert.ok('This is a simulated reply to: Say hello to the whole team, please.. It goes on'.startsWith(content.slice(0, 70)))
    return {}
  },

  async 'an error within a stream'() {
    return await untilItFails('breaking')
  },

  async 'leaves a stream'() {
    const stream = await chat('slow', {}, { stream: true })
    let chunks = 0
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta?.content && ++chunks === 2) break
    }
    // The next request of the same client is served as if nothing were.
    const reply = await chat('good')
    return { chunks, aborted: stream.controller.signal.aborted, next: reply.choices[0].finish_reason }
  },

  async 'aborts a stream'() {
    const stream = await chat('slow', {}, { stream: true })
    let chunks = 0
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta?.content && ++chunks === 2) stream.controller.abort()
    }
    return { chunks }
  },

  async 'aborts before the answer'() {
    const controller = new AbortController()
    const asked = client(at.stalling).chat.completions.create({ model, messages }, { signal: controller.signal })
    setTimeout(() => controller.abort(), 50)
    const { class: name } = await failure(asked)
    return { class: name }
  },
})
