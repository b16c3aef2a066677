export const help = `Direct logit attribution for GPT-2: which part of the model pushed to a token.

usage: logitscope [PROMPT…] [options]

Without a prompt: a demonstration on the embedded model. "-" reads prompts from
stdin, one a line.

what to attribute
  --answer TOKEN     the token whose logit is divided up; default: the model's
                     own top prediction. Within a text a word begins with its
                     space: --answer " Mary". "next" is the token that follows
                     the position in the prompt itself: --answer next --pos 3
  --wrong TOKEN      attribute the answer's logit less this one's
  --answer-text TEXT, --wrong-text TEXT
                     an answer of several tokens, each read at its own position
                     after those before it, added up: " New York"
  --any-of TOKEN, --wrong-any-of TOKEN
                     a set, one token each time: the mean of their logits; with
                     --weights softmax as the model itself weighs them
  --log-probability  attribute the answer's log-probability, not its logit
  --probability      the answer's probability and rank too
  --pos N|all        the position read; default -1, the last
  --unit UNIT        component (default): embeddings, attention, MLP by layer
                     layer: the residual stream as it accumulates
                     head: each attention head; neuron: each neuron of the MLPs
                     full: every head and neuron, the embeddings, the biases
                     source: each head by the position that it read
                     path: and by who wrote what it read there
  --lens             instead: what each row of the residual stream predicts
                     (the logit lens)
  --erasures         instead: components, or heads with --unit head, whose write
                     a later one took back, and how much of it
  --promoted COMPONENT
                     instead: the tokens whose logits one component, as
                     1_mlp_out, head, L1H0, or neuron, L1N17, raises and lowers
                     most; --top K of each, by default 10
  --compare PROMPT   the rows less those of this prompt, as of a corrupted one
  --leave-one-out    beside each row the exact change of the logit if it were
                     left out, the final LayerNorm computed anew: negative
                     where leaving it out lowers the logit
  --ablate zero|mean replace each component, or head with --unit head, by zero
                     or by its mean over the prompts: the change of the logit
                     in all, and how much of it is direct
  --tokens 1,2,3     the prompt as ids; no tokenizer is needed
  --answer-id N, --wrong-id N
                     the tokens as ids; so is the token spelt "next"
  --no-bos           put no BOS token in front of a text

  --input FILE       records, one a line, - for stdin, as many as you like:
                     {"prompt": "…" or "tokens": […], "answer": " Mary",
                     "wrong": " John", "id": anything}; written as they come, as
                     ndjson or csv. An answer may be {"text": " New York"} or
                     {"anyOf": [" 33", " 34"], "weights": "softmax"} too;
                     "next" is the token that follows. A record's own options
                     go over the command's: "pos", "unit", "probability",
                     "leaveOneOut", "target", "direction", "prependBos",
                     "allowRawWeights"

  --answer, --wrong, their ids and texts may be given once for all prompts, or
  once for each; --tokens once for each prompt; a set is one for all.

the model
  --model FOLDER     a folder with config.json, model.safetensors and, for
                     texts, vocab.json and merges.txt or tokenizer.json;
                     default: demo, the embedded model
  --model NAME       a model of the Hugging Face hub, as openai-community/gpt2;
                     downloaded into the cache of Python's huggingface_hub,
                     unless it is there. HF_TOKEN and the like count as there
  --revision WHICH   a branch, tag or commit of it; default: main
  --offline          only what the cache has
  --raw-weights      attribute the weights as trained, LayerNorm not folded
  --keep-value-biases
                     fold, but leave a head's value bias in its values: its row
                     and its ablation are with it, as on the weights as trained
  --threads N        how many threads compute; default: one for each core that
                     it may use (one for the embedded model). The results do not
                     depend on it
  --precision WHICH  reproducible (default): the same bits everywhere; fast:
                     fused multiplication and addition where the engine has it

the output
  --top K            only the K rows of greatest magnitude, or tokens
  --format FORMAT    table (default); json: one document; ndjson: a line for
                     each prompt and position; csv: a line for each score
  --color WHEN       auto (default), always or never
                     Tables are as wide as the terminal, or, where they go to a
                     file or pipe, as COLUMNS says; default 80
  -h, --help         this text
  -V, --version      the version

examples
  logitscope
  logitscope "Tom and Anna had lunch, and Tom gave a ticket to" --top 3
  logitscope --model ./gpt2 "The Louvre is in" --answer " Paris" --unit head
  logitscope --model openai-community/gpt2 "The Louvre is in"
  logitscope --model ./gpt2 - --answer " the" --format json < prompts.txt
  logitscope --model ./gpt2 --input records.ndjson --unit head > rows.ndjson

exit codes: 0 done, 1 failed, 2 usage, 3 some prompts failed
`;
