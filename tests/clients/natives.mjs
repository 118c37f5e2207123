// The official OpenAI client, chat and Responses, against targets that speak formats of their own: what a program
// sees is OpenAI's, whoever answers.
import assert from 'node:assert/strict'
import { client, failure, model, run } from './set.mjs'

const openai = client()
const question = [{ role: 'user', content: 'Say hello to the whole team, please.' }]
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false }
const weather = { type: 'function', function: { name: 'get_weather', description: 'The weather in a city', parameters } }
const asked = [{ role: 'user', content: 'What is the weather in Paris? Use the tool.' }]
const picture = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const choice = process.env.CHOICE ?? 'required'

await run({
  async chat() {
    const reply = await openai.chat.completions.create({ model, messages: question, max_completion_tokens: 100 })
    assert.equal(reply.object, 'chat.completion')
    assert.equal(reply.usage.total_tokens, reply.usage.prompt_tokens + reply.usage.completion_tokens)
    return { text: reply.choices[0].message.content.length > 0, finish: reply.choices[0].finish_reason }
  },
  async 'chat, streamed'() {
    const stream = openai.chat.completions.stream({ model, messages: question, stream_options: { include_usage: true } })
    let pieces = ''
    stream.on('content', (piece) => { pieces += piece })
    const reply = await stream.finalChatCompletion()
    return { same: pieces === reply.choices[0].message.content && pieces.length > 0,
      finish: reply.choices[0].finish_reason, usage: reply.usage.completion_tokens > 0 }
  },
  async 'a tool and its result'() {
    const first = await openai.chat.completions.create({ model, messages: asked, tools: [weather], tool_choice: choice })
    const message = first.choices[0].message
    const [call] = message.tool_calls
    const second = await openai.chat.completions.create({ model, tools: [weather], messages: [...asked, message,
      { role: 'tool', tool_call_id: call.id, content: 'It is sunny.' }] })
    return { finish: first.choices[0].finish_reason, name: call.function.name,
      city: typeof JSON.parse(call.function.arguments).city, then: second.choices[0].finish_reason }
  },
  async 'a tool, streamed'() {
    const stream = openai.chat.completions.stream({ model, messages: asked, tools: [weather], tool_choice: choice })
    const reply = await stream.finalChatCompletion()
    const [call] = reply.choices[0].message.tool_calls
    return { id: call.id.length > 0, city: typeof JSON.parse(call.function.arguments).city, finish: reply.choices[0].finish_reason }
  },
  async 'an image'() {
    const reply = await openai.chat.completions.create({ model, messages: [{ role: 'user', content: [
      { type: 'text', text: 'What is this?' }, { type: 'image_url', image_url: { url: picture } }] }] })
    return { finish: reply.choices[0].finish_reason }
  },
  async 'structured output'() {
    const schema = { type: 'object', properties: { name: { type: 'string' }, guests: { type: 'array', items: { type: 'string' } } },
      required: ['name', 'guests'], additionalProperties: false }
    const reply = await openai.chat.completions.create({ model, messages: [{ role: 'user', content: 'Make up an event.' }],
      response_format: { type: 'json_schema', json_schema: { name: 'event', strict: true, schema } } })
    const event = JSON.parse(reply.choices[0].message.content)
    return { name: typeof event.name, guests: Array.isArray(event.guests) }
  },
  async 'a cap'() {
    const reply = await openai.chat.completions.create({ model, messages: question, max_completion_tokens: 3 })
    return { finish: reply.choices[0].finish_reason, tokens: reply.usage.completion_tokens }
  },
  async 'what can not be carried'() {
    const { class: kind, status } = await failure(openai.chat.completions.create({ model, messages: question,
      functions: [{ name: 'f', parameters }] }))
    return { kind, status }
  },
  async 'aborts a stream'() {
    const controller = new AbortController()
    const stream = await openai.chat.completions.create({ model, messages: question, stream: true }, { signal: controller.signal })
    let chunks = 0
    try {
      for await (const chunk of stream) {
        if (chunk && ++chunks === 2) controller.abort()
      }
    } catch (error) { assert.equal(error.constructor.name, 'APIUserAbortError') }
    const next = await openai.chat.completions.create({ model, messages: question })
    return { aborted: controller.signal.aborted && chunks >= 2, next: next.choices[0].finish_reason }
  },
  async 'a response'() {
    const reply = await openai.responses.create({ model, input: 'Say hello.', instructions: 'Be brief.' })
    return { status: reply.status, text: reply.output_text.length > 0, usage: reply.usage.output_tokens > 0 }
  },
  async 'a response, streamed'() {
    const stream = openai.responses.stream({ model, input: 'Say hello.' })
    let pieces = ''
    stream.on('response.output_text.delta', (event) => { pieces += event.delta })
    const reply = await stream.finalResponse()
    return { same: pieces === reply.output_text && pieces.length > 0, status: reply.status }
  },
  async 'a response with a tool and its result'() {
    const tool = { type: 'function', name: 'get_weather', parameters, strict: false }
    const input = [{ role: 'user', content: asked[0].content }]
    const first = await openai.responses.create({ model, input, tools: [tool], tool_choice: choice, store: false })
    const call = first.output.find((item) => item.type === 'function_call')
    const second = await openai.responses.create({ model, tools: [tool], store: false,
      input: [...input, ...first.output, { type: 'function_call_output', call_id: call.call_id, output: 'It is sunny.' }] })
    return { city: typeof JSON.parse(call.arguments).city, then: second.status, text: second.output_text.length > 0 }
  },
  async 'unknown model'() {
    const { class: kind, status, code } = await failure(openai.chat.completions.create({ model: 'nothing', messages: question }))
    return { kind, status, code }
  },
})
