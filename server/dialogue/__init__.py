"""What the planners that ask a language model share: the questions, the answers, the endpoint, held decoding.

Whatever a model says is parsed as JSON, read against the plan's schema, and never run.
"""
