"""`report.md` and its pictures, from what `archive` keeps.

page              the whole, from the first screen to the last: start here
summary           the first sentences
sections          single executions, and who was wronged in them
life              one event from POST to mail
exploration       the chapter of `harness explore` (those of the load run and the proof stand in load/ and prove/)
matrix, charts    pictures: a whole run, one execution
series            what a time line shows, as numbers
"""
