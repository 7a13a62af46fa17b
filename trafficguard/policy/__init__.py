"""From score and labels to an action: the policy file, its language, and the function it becomes.

    model        the policy file as values: rules, thresholds, lists, modes
    facts        what a rule may ask about a request: the record, and the name and kind of each of its fields
    nodes        a condition as a tree of typed values
    reading      CEL text -> nodes; every mistake with its place in the text
    atoms        nodes -> a disjunction of conjunctions of simple statements about single facts
    inert        which rules, thresholds and settings can never matter, and because of which others
    overrides    the catalogs of signals, in the modes and with the weights that a policy wants
    networks     all CIDR lists of a policy as one sorted table
    patterns     all patterns on one field as one RE2 set
    emit         conditions, actions and thresholds -> one Python function, through `ast`
    build        a model and its lists -> `Policy` (see `engine`), or every problem that it has
    engine       the finished policy and the decision that it gives
    words        conditions, actions and thresholds in plain words
    differ       what changes between two policies, and what one rule means
    defaults     the policy in force where none is named: `config/balanced.yaml` as values
    schema       the JSON Schema of policy files, from the model

How a policy decides. The score that came in stands at the start. Rules are asked one after the other, in the order
of the file. A rule that matches adds its `label` for all rules below it; then, with `weigh`, its nats are added to the
evidence (which never leaves 0 .. 16) and the score is worked out anew, so that every rule below and the thresholds see
the new score; with `action`, that action is the decision and nothing more is asked. When no rule has ended, the first
entry of `thresholds` that fits the site, the route class and its own `when` is taken: the highest of its steps that the
score reaches decides, and when it reaches none the request passes. Without an entry that fits, it passes.

A rule or an entry with `mode: shadow` is asked in its turn, but all that it does is to be noted in the decision: it
adds no evidence and no label, and what stands below it is asked as if it were not there. With `mode: off` it is checked
and left out. The weakest of the modes of policy, site and rule counts.

A condition that fails at run time (`int("x")`, a division by zero) does not match, and is counted for that rule.

How a guard uses it. `build(file, sources, sites)` gives a `Policy` or raises `PolicyError` with every problem;
`sources.policy_file.read_policy` does both from a path and gives places. A worker keeps one `Policy` and one list of
`policy.new_errors()` beside it, and swaps both at once.

    decision = policy.decide(facts, errors)     # facts.Facts in, engine.Decision out; waits for nothing, raises nothing
    decision.action                             # one of model.ActionValue, with its parameters; `match` on its class
    decision.rule                               # what decided: a rule, `rest-75` of a threshold, or `default`
    decision.score, decision.evidence           # with what rules have weighed (decision.weighed)
    decision.labels                             # that rules added, besides those of the facts
    decision.shadow                             # what rules and thresholds in shadow would have done
    policy.mode_of(site)                        # off: do not ask; shadow: decide, note, but let it pass; enforce
    policy.headers, policy.fields               # all that conditions look at: facts may leave out the rest
    overrides.heads_of(policy.file)             # the catalogs to score by, with modes and weights of `signals:`
    overrides.behaviours_of(policy.file)

While `policy.fields` holds nothing but score, labels and route, a decision depends on them alone and may be remembered
for them. Whoever gives requests new labels adds them to `signals.labels.KNOWN`; whoever gives facts new fields adds
them to `facts.FIELDS`, and reader, checks, schema and explanations follow.

Promises: reads facts and nothing else, and names the rule that decided. Never: measures, does I/O, evaluates text.
"""
