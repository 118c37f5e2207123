// What programs do with an OpenAI-compatible provider that works.
import assert from 'node:assert/strict'
import { zodResponseFormat, zodTextFormat, zodFunction } from 'openai/helpers/zod'
import { z } from 'zod'
import { client, model, run } from './set.mjs'

const openai = client()
const question = [{ role: 'user', content: 'Say hello to the whole team, please.' }]
const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather in a city',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, unit: { type: 'string', enum: ['celsius', 'fahrenheit'] } },
      required: ['city', 'unit'],
      additionalProperties: false,
    },
    strict: true,
  },
}
const Event = z.object({ name: z.string(), day: z.enum(['Monday', 'Friday']), guests: z.array(z.string()) })

function sameUsage(usage) {
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
  // usage.cost is the proxy's word; the simulator has none.
  return { prompt_tokens: usage.prompt_tokens, completion_tokens: usage.completion_tokens }
}

async function streamed(parameters) {
  const stream = await openai.chat.completions.create({ model, messages: question, stream: true, ...parameters })
  const seen = { content: '', finishes: [], usages: [], ids: new Set(), chunks: 0, empty: 0 }
  for await (const chunk of stream) {
    seen.chunks++
    seen.ids.add(chunk.id)
    seen.empty += chunk.choices.length === 0
    seen.content += chunk.choices[0]?.delta?.content ?? ''
    if (chunk.choices[0]?.finish_reason) seen.finishes.push(chunk.choices[0].finish_reason)
    if (chunk.usage) seen.usages.push(sameUsage(chunk.usage))
  }
  assert.equal(seen.ids.size, 1)
  return { ...seen, ids: undefined }
}

await run({
  async chat() {
    const reply = await openai.chat.completions.create({ model, messages: question })
    assert.equal(reply.object, 'chat.completion')
    assert.match(reply.id, /^chatcmpl-/)
    assert.ok(reply._request_id)
    return { model: reply.model, choices: reply.choices, usage: sameUsage(reply.usage) }
  },

  async 'chat with many settings'() {
    const reply = await openai.chat.completions.create({
      model, messages: [{ role: 'system', content: 'Be short.' }, ...question],
      n: 2, temperature: 0, seed: 7, max_completion_tokens: 5, logprobs: true, top_logprobs: 2, user: 'someone',
    })
    assert.equal(reply.choices.length, 2)
    assert.ok(reply.choices[0].logprobs.content.length > 0)
    return { choices: reply.choices, usage: sameUsage(reply.usage) }
  },

  async stream() {
    const seen = await streamed({})
    assert.deepEqual(seen.finishes, ['stop'])
    assert.equal(seen.usages.length, 0)
    assert.equal(seen.empty, 0)
    return seen
  },

  async 'stream with usage'() {
    const seen = await streamed({ stream_options: { include_usage: true } })
    assert.equal(seen.usages.length, 1)
    assert.equal(seen.empty, 1)
    return seen
  },

  async 'stream helper'() {
    const stream = openai.chat.completions.stream({ model, messages: question })
    let content = ''
    stream.on('content', (delta) => { content += delta })
    const whole = await stream.finalChatCompletion()
    assert.equal(whole.choices[0].message.content, content)
    return { content, finish: whole.choices[0].finish_reason }
  },

  async 'stream and plain reply are the same'() {
    const plain = await openai.chat.completions.create({ model, messages: question })
    const seen = await streamed({})
    assert.equal(seen.content, plain.choices[0].message.content)
    return seen.content
  },

  async 'one tool, sync'() {
    const messages = [{ role: 'user', content: 'What is the weather in Paris, in celsius?' }]
    const asked = await openai.chat.completions.create({ model, messages, tools: [weather], tool_choice: 'required' })
    const [call] = asked.choices[0].message.tool_calls
    assert.equal(asked.choices[0].finish_reason, 'tool_calls')
    const given = JSON.parse(call.function.arguments)
    assert.deepEqual(Object.keys(given).sort(), ['city', 'unit'])
    const told = await openai.chat.completions.create({
      model, tools: [weather],
      messages: [...messages, asked.choices[0].message, { role: 'tool', tool_call_id: call.id, content: '21 degrees' }],
    })
    return { name: call.function.name, given, finish: told.choices[0].finish_reason, content: told.choices[0].message.content }
  },

  async 'one tool, streamed'() {
    const stream = openai.chat.completions.stream({
      model, messages: [{ role: 'user', content: 'What is the weather in Paris, in celsius?' }],
      tools: [weather], tool_choice: { type: 'function', function: { name: 'get_weather' } },
    })
    let fragments = 0
    stream.on('tool_calls.function.arguments.delta', () => { fragments++ })
    const whole = await stream.finalChatCompletion()
    const [call] = whole.choices[0].message.tool_calls
    assert.ok(fragments > 1)
    return { name: call.function.name, given: JSON.parse(call.function.arguments), fragments, finish: whole.choices[0].finish_reason }
  },

  async 'runTools, streamed and not'() {
    const asked = []
    const tool = zodFunction({
      name: 'get_weather', parameters: z.object({ city: z.string() }),
      function: ({ city }) => { asked.push(typeof city); return '21 degrees' },
    })
    const parameters = {
      model, tools: [tool], messages: [{ role: 'user', content: 'Call get_weather for Paris.' }],
    }
    const plain = openai.chat.completions.runTools(parameters)
    await plain.done()
    const stream = openai.chat.completions.runTools({ ...parameters, stream: true })
    await stream.done()
    const told = await plain.finalContent()
    assert.deepEqual(stream.messages.map((m) => m.role), ['user', 'assistant', 'tool', 'assistant'])
    assert.equal(await stream.finalContent(), told)
    return { asked, told, plain: plain.messages.map((m) => m.role) }
  },

  async 'structured output by zod'() {
    const reply = await openai.chat.completions.parse({
      model, messages: [{ role: 'user', content: 'Plan an event on Friday with Ada.' }],
      response_format: zodResponseFormat(Event, 'event'),
    })
    Event.parse(reply.choices[0].message.parsed)
    return reply.choices[0].message.parsed
  },

  async 'structured output, streamed'() {
    const stream = openai.chat.completions.stream({
      model, messages: [{ role: 'user', content: 'Plan an event on Friday with Ada.' }],
      response_format: zodResponseFormat(Event, 'event'),
    })
    const whole = await stream.finalChatCompletion()
    Event.parse(whole.choices[0].message.parsed)
    return whole.choices[0].message.parsed
  },

  async 'JSON mode'() {
    const reply = await openai.chat.completions.create({
      model, messages: [{ role: 'user', content: 'Answer with a JSON object.' }], response_format: { type: 'json_object' },
    })
    return JSON.parse(reply.choices[0].message.content)
  },

  async embeddings() {
    // The client asks for base64 and makes numbers of it.
    const reply = await openai.embeddings.create({ model, input: ['one', 'two'], dimensions: 8 })
    assert.equal(reply.data.length, 2)
    const plain = await openai.embeddings.create({ model, input: ['one', 'two'], dimensions: 8, encoding_format: 'float' })
    for (const [i, item] of reply.data.entries()) {
      assert.equal(item.embedding.length, 8)
      item.embedding.forEach((value, k) => assert.ok(Math.abs(value - plain.data[i].embedding[k]) < 1e-6))
    }
    return { data: reply.data, tokens: reply.usage.prompt_tokens }
  },

  async models() {
    const ids = []
    for await (const one of openai.models.list()) ids.push(one.id)
    const one = await openai.models.retrieve(model)
    // Which names there are is each server's own affair: the proxy lists routes and targets.
    assert.ok(ids.some((id) => id === model || id.endsWith(`/${model}`)))
    return { object: one.object, id: one.id }
  },

  async 'a response'() {
    const reply = await openai.responses.create({ model, input: 'Say hello to the whole team, please.' })
    assert.equal(reply.status, 'completed')
    assert.ok(reply.output_text.length > 0)
    return { text: reply.output_text, usage: [reply.usage.input_tokens, reply.usage.output_tokens] }
  },

  async 'a response, streamed'() {
    const stream = await openai.responses.create({ model, input: 'Say hello to the whole team, please.', stream: true })
    const types = []
    let text = ''
    let last = -1
    for await (const event of stream) {
      types.push(event.type)
      assert.ok(event.sequence_number > last)
      last = event.sequence_number
      if (event.type === 'response.output_text.delta') text += event.delta
    }
    assert.equal(types.at(0), 'response.created')
    assert.equal(types.at(-1), 'response.completed')
    return { types, text }
  },

  async 'a response with a tool and its result'() {
    const tool = { type: 'function', name: weather.function.name, parameters: weather.function.parameters, strict: true }
    const input = [{ role: 'user', content: 'What is the weather in Paris, in celsius?' }]
    const asked = await openai.responses.create({ model, input, tools: [tool], tool_choice: 'required' })
    const call = asked.output.find((item) => item.type === 'function_call')
    const told = await openai.responses.create({
      model, tools: [tool],
      input: [...input, ...asked.output, { type: 'function_call_output', call_id: call.call_id, output: '21 degrees' }],
    })
    return { name: call.name, given: JSON.parse(call.arguments), text: told.output_text }
  },

  async 'a response by zod'() {
    const reply = await openai.responses.parse({
      model, input: 'Plan an event on Friday with Ada.', text: { format: zodTextFormat(Event, 'event') },
    })
    Event.parse(reply.output_parsed)
    return reply.output_parsed
  },

  async 'legacy completions'() {
    const plain = await openai.completions.create({ model, prompt: 'Once upon a time', max_tokens: 8 })
    const stream = await openai.completions.create({ model, prompt: 'Once upon a time', max_tokens: 8, stream: true })
    let text = ''
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? ''
    assert.equal(text, plain.choices[0].text)
    return { text, finish: plain.choices[0].finish_reason }
  },

  async 'withResponse and asResponse'() {
    const { data, response, request_id } = await openai.chat.completions.create({ model, messages: question }).withResponse()
    assert.equal(response.status, 200)
    assert.ok(request_id)
    const raw = await openai.chat.completions.create({ model, messages: question }).asResponse()
    const body = await raw.json()
    assert.equal(body.choices[0].message.content, data.choices[0].message.content)
    return data.choices[0].message.content
  },

  async 'twenty at once'() {
    const replies = await Promise.all(Array.from({ length: 20 }, (_, i) =>
      openai.chat.completions.create({ model, messages: [{ role: 'user', content: `Say the number ${i}.` }] })))
    return replies.map((reply) => reply.choices[0].message.content)
  },
})
