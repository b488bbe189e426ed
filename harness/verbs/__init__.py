"""What each verb of the command line does, from parsed words to a ruling. `cli.py` parses words and turns rulings into exits.

listing                  harness list
run, merge               harness run; harness report with several runs
accept, gate             harness accept and harness load: scenarios and the load run
explore, prove, ui       the work is done in explore/, prove/ and live/
stored                   harness check, report, replay: of what is on disk
steps                    draws carried out, with a bar and a line for what begins
publication, display     results and report on disk; what a person is shown meanwhile and at the end
"""
