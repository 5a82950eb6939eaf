// SPDX-License-Identifier: Apache-2.0

// Workload: a Go program without cgo: a map of 100,000 entries and a slice of their texts. Prints "ready" and waits.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

type customer struct {
	name, street string
	orders       [2]int
}

func main() {
	table := map[int]*customer{}
	texts := []string{}
	for i := 0; i < 100000; i++ {
		c := &customer{fmt.Sprintf("customer %d", i), fmt.Sprintf("street %d, town %d", i/100, i/10000), [2]int{3 * i, 7 * i}}
		table[i] = c
		texts = append(texts, fmt.Sprintf("%s, %s, orders %v, called, will call again", c.name, c.street, c.orders))
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	fmt.Println("ready")
	<-end
	fmt.Println(len(table), len(texts))
}
