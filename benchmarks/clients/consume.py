"""librdkafka reads `count` records of a topic from its beginning, with no group."""

from __future__ import annotations

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from benchmarks.clients.harness import Params, Result, measured, run


def main(params: Params) -> Result:
    """Params: address, broker_pid, topic, partitions, count."""
    consumer = Consumer(
        {
            "bootstrap.servers": params["address"],
            "group.id": "bench",
            "enable.auto.commit": False,
            # A client whose queue is full rests for 1 s by default, and a fast broker would be measured by that.
            "fetch.queue.backoff.ms": 5,
        }
    )
    consumer.list_topics(params["topic"])
    result: Result = {}
    left = params["count"]
    with measured(params, result):
        consumer.assign([TopicPartition(params["topic"], one, OFFSET_BEGINNING) for one in range(params["partitions"])])
        while left > 0:
            messages = consumer.consume(min(left, 10_000), timeout=10)
            assert messages, f"{left} records are missing"
            for message in messages[:1]:
                assert message.error() is None, message.error()
            left -= len(messages)
    consumer.close()
    return result


if __name__ == "__main__":
    run(main)
