"""What an RQ user's worker imports for each job."""


def add(x, y):
    return x + y
