// The least that a careful programmer would write with amqp091-go: server URI QUEUE.
package main

import (
	"fmt"
	"log"
	"math/big"
	"os"
	"strconv"

	amqp "github.com/rabbitmq/amqp091-go"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func fib(n int) *big.Int {
	a, b := big.NewInt(0), big.NewInt(1)
	for i := 0; i < n; i++ {
		a.Add(a, b)
		a, b = b, a
	}
	return a
}

func main() {
	connection, err := amqp.Dial(os.Args[1])
	must(err)
	channel, err := connection.Channel()
	must(err)
	must(channel.Qos(100, 0, false))
	requests, err := channel.Consume(os.Args[2], "", false, false, false, false, nil)
	must(err)
	fmt.Println("ready")
	for request := range requests {
		if n, err := strconv.Atoi(string(request.Body)); err == nil && request.ReplyTo != "" {
			must(channel.Publish("", request.ReplyTo, false, false, amqp.Publishing{
				CorrelationId: request.CorrelationId,
				Body:          []byte(fib(n).String()),
			}))
		}
		must(request.Ack(false))
	}
	log.Fatal("the connection is lost")
}
