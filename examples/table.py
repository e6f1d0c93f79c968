"""A table with strings, dates and missing cells: train on a CSV file, save the model, predict new rows."""

import csv
import random
from pathlib import Path

import ranvier as rv

random.seed(0)
with open("orders.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["date", "country", "items", "price", "returned"])
    for _ in range(600):
        items, price = random.randint(1, 9), round(random.lognormvariate(3, 0.8), 2)
        country, month = random.choice(["Chile", "France", "Japan"]), random.randint(1, 12)
        returned = random.random() < (0.7 if price > 30 and country == "France" else 0.15)
        shown = "" if random.random() < 0.05 else price
        writer.writerow([f"2025-{month:02}-15", country, items, shown, "yes" if returned else "no"])

model = rv.train("orders.csv", target="returned", model="returns.rv", seed=0)
print("on test rows:", {name: round(value, 3) for name, value in model.report.metrics.items()})

loaded = rv.load("returns.rv")
order = {"date": "2025-12-24", "country": "France", "items": 2, "price": 80.0}
for name, probability in zip(loaded.task.classes, loaded.probabilities([order])[0], strict=True):
    print(f"an order from France for 80, returned: {name} with probability {probability:.2f}")

for name in ("orders.csv", "returns.rv"):
    Path(name).unlink()
