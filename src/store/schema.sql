-- The tables of a run: what was observed, one fact once. Nothing here is computed from another row; formulas stand in views.sql.
--
-- There are no indexes and no foreign keys: each would be kept up to date at every insert, in memory and in the write-ahead log, while no
-- query of ours looks up single rows (views scan columns, and DuckDB's zone maps serve those). That a trial stands once is the store's to
-- hold (store.c keeps the set of trials it has). NULL means "not applicable" or "not known", never zero.
--
-- Numbers: logarithms are natural (nats), sizes are pixels, metric values carry their metric's unit (`undertow list metrics`).

-- Marks the file as a run of ours, and the layout of these tables: raised with every change that old readers would misread.
CREATE TABLE undertow (
  schema_version UINTEGER NOT NULL,
  views          VARCHAR           -- SHA-256 of the text that made the file's views
);

-- What the run is: argv, seed, file hashes, versions, device.
CREATE TABLE run (
  key         VARCHAR NOT NULL,
  value       VARCHAR NOT NULL,
  informative BOOLEAN NOT NULL  -- may differ when the run is resumed (thread count, host, time); all else must be equal
);

-- The perturbations, one parameterised member of a family a row. Variant 0 is the clean image.
CREATE TABLE variant (
  variant UINTEGER NOT NULL,  -- its number, in the paper's order
  name    VARCHAR NOT NULL,   -- "translation+4"
  family  VARCHAR NOT NULL,   -- "translation"
  param   DOUBLE,             -- the family's own unit: pixels, factor, degrees, ordinal; NULL where it has none
  core    BOOLEAN NOT NULL,   -- one of the paper's 24 core variants
  role    VARCHAR NOT NULL,   -- perturbation: its trials are instances; clean; prior: an uninformative image; floor: the clean image again;
                              -- control: another item's image
  CHECK (role IN ('perturbation', 'clean', 'prior', 'floor', 'control'))
);

-- The questions.
CREATE TABLE item (
  item     UINTEGER NOT NULL,    -- its place in the benchmark, from 0
  id       VARCHAR NOT NULL,     -- the benchmark's own name for it
  image_id VARCHAR NOT NULL,     -- questions on the same images share it
  category VARCHAR,
  hint     VARCHAR,
  question VARCHAR NOT NULL,
  options  VARCHAR[] NOT NULL,   -- texts as scored; where one of them names an image ("<image 2>"), the letters are scored
  answer   UINTEGER NOT NULL,    -- the right option, from 0
  yes_no   BOOLEAN NOT NULL      -- asked with POPE's prompt; option 0 is Yes, option 1 is No
);

-- Rows of the benchmark that were left out, and why.
CREATE TABLE skipped (
  place  VARCHAR NOT NULL,  -- "coco_pope_random.json, row 17"
  reason VARCHAR NOT NULL
);

-- One item under one variant. A failed trial has its error and nothing else; it has no rows in score or measurement.
CREATE TABLE trial (
  item      UINTEGER NOT NULL,
  variant   UINTEGER NOT NULL,
  error     VARCHAR,    -- why it failed; NULL where it did not
  predicted UINTEGER,   -- the option with the largest score of the form that the run is decided by (run's key --score), ties to the lowest
  width     UINTEGER,   -- of the perturbed (first) image, pixels
  height    UINTEGER,
  detail    VARCHAR,    -- what the variant was for this item ("Answer is B"); NULL where its name says all
  label     VARCHAR,    -- what became of the right answer: holds, changed, doubtful; NULL where the benchmark does not know
  CHECK ((error IS NULL) = (predicted IS NOT NULL)),
  CHECK (label IN ('holds', 'changed', 'doubtful'))
);

-- The score of one option in one trial.
CREATE TABLE score (
  item         UINTEGER NOT NULL,
  variant      UINTEGER NOT NULL,
  option       UINTEGER NOT NULL,  -- from 0
  logprob      DOUBLE NOT NULL,    -- s_k: sum of log p over the option's tokens and the template's closing ones, nats
  logprob_text DOUBLE,             -- the same without the closing tokens; NULL where the engine does not give it, as the two below
  n_tokens     UINTEGER,           -- of the option's text
  n_bytes      UINTEGER NOT NULL,  -- of the option's text
  logprob_letter DOUBLE,           -- sum of log p over the tokens of the option's label: log p ("A"…); of Yes and No, logprob_text
  CHECK (isfinite(logprob) AND isfinite(logprob_text) AND isfinite(logprob_letter))
);

-- What the score of an option is with no image in the prompt, once a question: a fact of the words alone.
CREATE TABLE no_image (
  item    UINTEGER NOT NULL,
  option  UINTEGER NOT NULL,
  logprob DOUBLE NOT NULL,  -- s_k, nats
  CHECK (isfinite(logprob))
);

-- What the model answered by itself, token by token the likeliest.
CREATE TABLE generated (
  item    UINTEGER NOT NULL,
  variant UINTEGER NOT NULL,
  prompt  VARCHAR NOT NULL,  -- open; mcq: the one with options, or yes/no
  text    VARCHAR NOT NULL,  -- without what only ends it
  CHECK (prompt IN ('open', 'mcq'))
);

-- One stored value of a metric in one trial.
CREATE TABLE measurement (
  item    UINTEGER NOT NULL,
  variant UINTEGER NOT NULL,
  channel VARCHAR NOT NULL,  -- where it was read: vision, ctx_open, ctx_mcq, …; image: its pixels; '' where the metric has none
  metric  VARCHAR NOT NULL,  -- its name in `undertow list metrics`
  value   DOUBLE NOT NULL,
  CHECK (isfinite(value))
);

-- Pooled representations: of all clean trials (of layers on a sample of the items), kept for the control drift, and of the perturbed trials
-- of a sample of the items, to hold populations against each other.
CREATE TABLE embedding (
  item    UINTEGER NOT NULL,
  variant UINTEGER NOT NULL,
  channel VARCHAR NOT NULL,
  vector  FLOAT[] NOT NULL
);

-- How far the tokens of one vision grid moved, of a sample of the items under every variant that leaves the clean grids. A question has a
-- grid an image, or one for each slice that the model cuts an image into. Their places in the image are not known: an image of one grid
-- is covered by it, slices only have their order.
CREATE TABLE token_drift (
  item        UINTEGER NOT NULL,
  variant     UINTEGER NOT NULL,
  image       UINTEGER,           -- which of the question's, from 0; NULL where the engine does not say
  slice       UINTEGER NOT NULL,  -- of the image, from 0, as the model reads them; of all images where that is NULL
  frames      UINTEGER NOT NULL,  -- 1 but in videos
  grid_height UINTEGER NOT NULL,  -- tokens
  grid_width  UINTEGER NOT NULL,
  drift       FLOAT[] NOT NULL,   -- 1 − cos of the clean token and the perturbed one; row by row from the top left, frame by frame
  CHECK (len(drift) = frames * grid_height * grid_width)
);

-- CD_i: the mean drift between an item's clean representation and those of other items.
CREATE TABLE control (
  item          UINTEGER NOT NULL,
  channel       VARCHAR NOT NULL,
  mean_distance DOUBLE,            -- mean of 1 − cos; NULL where it is no number (a zero vector)
  k             UINTEGER NOT NULL  -- how many other items it was averaged over
);

-- How alike the sampled items lie among each other, clean and under a variant.
CREATE TABLE population (
  variant UINTEGER NOT NULL,
  channel VARCHAR NOT NULL,
  metric  VARCHAR NOT NULL,  -- linear_cka, mutual_knn
  value   DOUBLE,            -- NULL where it is no number (equal representations)
  items   UINTEGER NOT NULL  -- how many were compared
);
