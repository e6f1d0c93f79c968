"""Sentences as counts of words: rows that are mostly zeros stay sparse from the vectorizer to the first layer."""

from sklearn.feature_extraction.text import CountVectorizer

import ranvier as rv

praise = ["a wonderful film", "great fun and a great cast", "moving, clever, wonderful", "I loved the ending"]
blame = ["a dull film", "boring plot and a weak cast", "slow, silly, dull", "I hated the ending"]
sentences, labels = (praise + blame) * 10, (["good"] * 4 + ["bad"] * 4) * 10

words = CountVectorizer().fit(sentences)
X = words.transform(sentences)
network = rv.Network(inputs=X.shape[1], layers=[rv.Dense(16, "relu"), rv.Dense(1, "sigmoid")])
model = network.fit(X, labels, epochs=40, optimizer=rv.Adam(0.01), seed=0)

for sentence in ("a wonderful cast", "a dull and boring ending"):
    print(f"{sentence!r}: {model.predict(words.transform([sentence]))[0]}")
