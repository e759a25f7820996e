// One scenario with sarama and its default settings; prints what it saw as one JSON object.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

const topic, group = "sarama-topic", "sarama-group"

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type collector struct {
	mutex   sync.Mutex
	seen    []*sarama.ConsumerMessage
	count   int
	enough  context.CancelFunc
}

func (c *collector) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (c *collector) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (c *collector) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, open := <-claim.Messages():
			if !open {
				return nil
			}
			c.mutex.Lock()
			c.seen = append(c.seen, message)
			session.MarkMessage(message, "")
			if len(c.seen) == c.count {
				session.Commit()
				c.enough()
			}
			c.mutex.Unlock()
		case <-session.Context().Done():
			return nil
		}
	}
}

func main() {
	broker := []string{os.Args[1]}
	config := sarama.NewConfig()
	config.Producer.Return.Successes = true // the synchronous producer demands it
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	client, err := sarama.NewClient(broker, config)
	must(err)
	admin, err := sarama.NewClusterAdminFromClient(client)
	must(err)
	must(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 1}, false))
	producer, err := sarama.NewSyncProducer(broker, config)
	must(err)
	var messages []*sarama.ProducerMessage
	for n := 0; n < 100; n++ {
		messages = append(messages, &sarama.ProducerMessage{
			Topic: topic, Key: sarama.StringEncoder(fmt.Sprintf("k%d", n%7)), Value: sarama.StringEncoder(fmt.Sprintf("v%d", n)),
			Headers: []sarama.RecordHeader{{Key: []byte("n"), Value: []byte(fmt.Sprint(n))}},
		})
	}
	must(producer.SendMessages(messages))
	must(producer.Close())

	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	readers, err := sarama.NewConsumerGroup(broker, group, config)
	must(err)
	handler := &collector{count: 100, enough: cancel}
	for ctx.Err() == nil {
		must(readers.Consume(ctx, []string{topic}, handler))
	}
	must(readers.Close())
	values := map[string]bool{}
	headers := 0
	for _, message := range handler.seen {
		values[string(message.Value)] = true
		headers += len(message.Headers)
	}
	offsets, err := admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0, 1, 2}})
	must(err)
	var committed, end int64
	for partition := int32(0); partition < 3; partition++ {
		committed += offsets.GetBlock(topic, partition).Offset
		newest, err := client.GetOffset(topic, partition, sarama.OffsetNewest)
		must(err)
		end += newest
	}
	last, err := client.GetOffset(topic, 0, sarama.OffsetNewest)
	must(err)
	plain, err := sarama.NewConsumer(broker, config)
	must(err)
	reader, err := plain.ConsumePartition(topic, 0, last-1)
	must(err)
	sought := int64(-1)
	select {
	case message := <-reader.Messages():
		sought = message.Offset
	case <-time.After(20 * time.Second):
	}
	must(reader.Close())
	must(plain.Close())
	must(admin.DeleteConsumerGroup(group))
	must(admin.DeleteTopic(topic))
	left, err := admin.ListTopics()
	must(err)
	_, still := left[topic]
	must(admin.Close())
	must(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"consumed": len(handler.seen), "values": len(values), "headers": headers,
		"committed": committed, "end": end, "sought": sought == last-1, "deleted": !still,
	}))
}
