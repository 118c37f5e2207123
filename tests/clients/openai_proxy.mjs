// What only the proxy says, as programs get at it.
// ROUTE: a route; UNPROVEN: a base URL where nothing is proven; CLOSED: one whose provider is not there.
import assert from 'node:assert/strict'
import { client, failure, model, run } from './set.mjs'

const openai = client()
const messages = [{ role: 'user', content: 'Say hello to the whole team, please.' }]
const said = (response) => Object.fromEntries([...response.headers].filter(([name]) => name.startsWith('x-proviso-')))

await run({
  async 'the headers of an answer'() {
    const { data, response } = await openai.chat.completions.create(
      { model: process.env.ROUTE, messages }, { headers: { 'x-proviso-task': 'review' } }).withResponse()
    assert.equal(data.model, model)
    return said(response)
  },

  async 'the headers of a stream, and its cost'() {
    const { data, response } = await openai.chat.completions.create(
      { model: process.env.ROUTE, messages, stream: true, stream_options: { include_usage: true } }).withResponse()
    let usage
    for await (const chunk of data) usage = chunk.usage ?? usage
    return { ...said(response), cost: usage.cost }
  },

  async 'a field of OpenRouter'() {
    const { response } = await openai.chat.completions.create(
      { model: process.env.ROUTE, messages, provider: { only: ['a'], allow_fallbacks: false } }).withResponse()
    return said(response)
  },

  async 'a limit of cost'() {
    const failed = failure(openai.chat.completions.create(
      { model: process.env.ROUTE, messages }, { headers: { 'x-proviso-max-cost': '0.0000000001' } }))
    const { class: name, status, code } = await failed
    return { class: name, status, code }
  },

  async 'nothing is proven'() {
    try {
      await client({ baseURL: process.env.UNPROVEN }).chat.completions.create({ model: process.env.ROUTE, messages })
    } catch (error) {
      return { class: error.constructor.name, status: error.status, code: error.code, excluded: error.error.excluded }
    }
    throw new Error('it did not fail')
  },

  async 'the provider is not there'() {
    try {
      await client({ baseURL: process.env.CLOSED }).chat.completions.create({ model: process.env.ROUTE, messages })
    } catch (error) {
      return { class: error.constructor.name, status: error.status, code: error.code, attempts: error.error.attempts.length }
    }
    throw new Error('it did not fail')
  },
})
