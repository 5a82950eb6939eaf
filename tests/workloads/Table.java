/* SPDX-License-Identifier: Apache-2.0 */
import java.util.HashMap;

/** Workload: a map of 300,000 entries. Prints "ready" and waits. */
public class Table {
	public static void main(String[] args) throws InterruptedException {
		HashMap<Integer, String> table = new HashMap<>();

		for (int i = 0; i < 300000; i++)
			table.put(i, "customer " + i);
		System.out.println("ready");
		Thread.currentThread().join();
		System.out.println(table.size());
	}
}
