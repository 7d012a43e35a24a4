"""``python -m deploy_runbook``: the command line."""

from deploy_runbook import main

main()
