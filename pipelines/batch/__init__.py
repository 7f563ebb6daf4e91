"""Batches of notes: a source gives numbered rows, an engine answers them in order, a sink keeps the answers.

    Source (sources.py)  ->  engine (answer.py, workers.py, spark.py)  ->  spool (run.py, journal.py)  ->  Sink (sinks.py)

Whatever the output is, the answers go first into one spool of lines beside it, which a journal vouches for. A killed run
carries on in the spool; the output is made from the finished spool in one step. So every format survives a kill alike.
"""
