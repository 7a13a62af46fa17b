"""From score and labels to an action.

Promises: reads the score and the labels and nothing else, and names the rule that decided. Never: measures or
weighs.
"""
