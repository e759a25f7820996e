// One scenario with kafkajs and its default settings; prints what it saw as one JSON object.
const { Kafka, logLevel } = require('kafkajs')

async function main(broker) {
  const kafka = new Kafka({ clientId: 'kafkajs-check', brokers: [broker], logLevel: logLevel.ERROR })
  const admin = kafka.admin()
  await admin.connect()
  const topic = 'kafkajs-topic'
  const created = await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 3 }] })
  const metadata = await admin.fetchTopicMetadata({ topics: [topic] })

  const producer = kafka.producer()
  await producer.connect()
  const messages = [...Array(100).keys()].map(n => ({ key: `k${n % 7}`, value: `v${n}`, headers: { n: String(n) } }))
  const reports = await producer.send({ topic, messages })
  const idempotent = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await idempotent.connect()
  await idempotent.send({ topic, messages: [{ value: 'once' }] })
  await idempotent.disconnect()

  const consume = async (groupId, enough, seek) => {
    const consumer = kafka.consumer({ groupId })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    const seen = []
    await new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`only ${seen.length} messages came`)), 30000).unref()
      consumer.run({
        eachMessage: async ({ partition, message }) => {
          seen.push({ partition, offset: Number(message.offset), value: message.value.toString(),
            header: message.headers.n ? message.headers.n.toString() : null })
          if (enough(seen)) resolve()
        }
      }).catch(reject)
      if (seek) seek(consumer)
    })
    await consumer.commitOffsets([0, 1, 2].map(partition => {
      const offsets = seen.filter(m => m.partition === partition).map(m => m.offset)
      return { topic, partition, offset: String(offsets.length ? Math.max(...offsets) + 1 : 0) }
    }))
    await consumer.disconnect()
    return seen
  }
  const first = await consume('kafkajs-group', seen => seen.length === 101)
  const committed = await admin.fetchOffsets({ groupId: 'kafkajs-group', topics: [topic] })
  const latest = await admin.fetchTopicOffsets(topic)
  const sought = Number(latest.find(p => p.partition === 0).high) - 1
  const again = await consume('kafkajs-seeker', seen => seen.some(m => m.partition === 0),
    c => c.seek({ topic, partition: 0, offset: String(sought) }))
  await admin.deleteGroups(['kafkajs-group'])
  await admin.deleteTopics({ topics: [topic] })
  const left = await admin.listTopics()
  await producer.disconnect()
  await admin.disconnect()
  console.log(JSON.stringify({
    created, partitions: metadata.topics[0].partitions.length,
    acked: reports.length, consumed: first.length, values: new Set(first.map(m => m.value)).size,
    headers: first.filter(m => m.header !== null).length,
    committed: committed[0].partitions.reduce((sum, p) => sum + Number(p.offset), 0),
    end: latest.reduce((sum, p) => sum + Number(p.high), 0),
    sought: again.find(m => m.partition === 0).offset === sought, deleted: !left.includes(topic)
  }))
}

main(process.argv[2]).then(() => process.exit(0), error => { console.error(error); process.exit(1) })
