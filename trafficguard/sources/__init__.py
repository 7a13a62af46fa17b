"""Where settings come from: a YAML file, TRAFFICGUARD_ environment variables, command-line flags.

Each source writes into one `tree.Tree`, which remembers for every value the place it stands at; a later
source overwrites an earlier one. What is wrong is collected as `Complaint` values, never raised: `load`
shows all of them at once.

    document   file -> tree, with line and column of every key and value
    variables  environment -> tree
    flags      command line -> tree
    complaints what pydantic found wrong with the tree -> sentences with a place and a remedy
    schema     the names and shapes of all settings, for the four above
"""
