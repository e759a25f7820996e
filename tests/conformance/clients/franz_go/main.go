// One scenario with franz-go and its default settings; prints what it saw as one JSON object.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const topic, group = "franz-topic", "franz-group"

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func consume(ctx context.Context, broker string, count int, opts ...kgo.Opt) []*kgo.Record {
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(broker)}, opts...)...)
	must(err)
	defer client.Close()
	var seen []*kgo.Record
	for len(seen) < count {
		fetches := client.PollFetches(ctx)
		must(ctx.Err())
		for _, failed := range fetches.Errors() {
			must(failed.Err)
		}
		seen = append(seen, fetches.Records()...)
	}
	if g, _ := client.GroupMetadata(); g != "" {
		must(client.CommitUncommittedOffsets(ctx))
	}
	return seen
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	broker := os.Args[1]
	producer, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic(topic))
	must(err)
	admin := kadm.NewClient(producer)
	created, err := admin.CreateTopic(ctx, 3, 1, nil, topic)
	must(err)
	must(created.Err)
	var records []*kgo.Record
	for n := 0; n < 100; n++ {
		records = append(records, &kgo.Record{
			Key: []byte(fmt.Sprintf("k%d", n%7)), Value: []byte(fmt.Sprintf("v%d", n)),
			Headers: []kgo.RecordHeader{{Key: "n", Value: []byte(fmt.Sprint(n))}},
		})
	}
	must(producer.ProduceSync(ctx, records...).FirstErr())
	first := consume(ctx, broker, 100, kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	values := map[string]bool{}
	headers := 0
	for _, record := range first {
		values[string(record.Value)] = true
		headers += len(record.Headers)
	}
	committed, err := admin.FetchOffsets(ctx, group)
	must(err)
	var sum int64
	committed.Each(func(o kadm.OffsetResponse) { sum += o.At })
	ends, err := admin.ListEndOffsets(ctx, topic)
	must(err)
	var end, last int64
	ends.Each(func(o kadm.ListedOffset) {
		end += o.Offset
		if o.Partition == 0 {
			last = o.Offset
		}
	})
	sought := consume(ctx, broker, 1, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		topic: {0: kgo.NewOffset().At(last - 1)}}))
	_, err = admin.DeleteGroups(ctx, group)
	must(err)
	deleted, err := admin.DeleteTopics(ctx, topic)
	must(err)
	must(deleted.Error())
	left, err := admin.ListTopics(ctx)
	must(err)
	producer.Close()
	must(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"partitions": created.NumPartitions, "consumed": len(first), "values": len(values), "headers": headers,
		"committed": sum, "end": end, "sought": sought[0].Offset == last-1, "deleted": !left.Has(topic),
	}))
}
