"""What doubts: a second reader, a confidence and a route. Nothing here assigns a code.

Fitting (`fitting`) uses scikit-learn and saves with skops; using (`Doubt`) needs numpy alone, so that one note does not
wait for scikit-learn to be imported. A test holds both to the same outputs.
"""
