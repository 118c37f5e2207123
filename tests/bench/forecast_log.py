"""A log of a million requests for `forecast`: four kinds, lengths as they come, drawn the same at every run."""
import datetime
import random

ROWS = 1_000_000
KINDS = ("chat", "chat stream", "chat tools", "chat stream tools")


def write(path, rows=ROWS):
    dice = random.Random(20261128)
    at = datetime.datetime(2026, 10, 1)
    with open(path, "w") as out:
        out.write("timestamp,input_tokens,output_tokens,cached_tokens,features,route\n")
        for _ in range(rows):
            at += datetime.timedelta(milliseconds=dice.randrange(5000))
            tokens = int(dice.lognormvariate(7.5, 1.2))
            cached = dice.randrange(tokens + 1) if dice.random() < 0.3 else 0
            out.write(f"{at.isoformat(timespec='milliseconds')}Z,{tokens},{int(dice.lognormvariate(5, 1))},{cached},"
                      f"{dice.choice(KINDS)},coder\n")
