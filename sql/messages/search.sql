-- Live messages with these words, best first or newest first, from one chat or from all.
--
-- Words, "a phrase", OR and -without; no text is a syntax error, one without a word finds nothing. Best first ranks
-- the newest 500 matches.
--
-- query       text         what to look for, 0..4096 characters
-- order       text         rank: best first; newest: newest first
-- chat_id     bigint       the chat, 0..9223372036854775807; 0 for all
-- user_id     bigint       the person, 0..9223372036854775807; 0 for all
-- role        text         system, user, assistant; '' for all
-- since       timestamptz  sent then or later; -infinity for no limit
-- until       timestamptz  sent before; infinity for no limit
-- below_rank  bigint       page on with the last row's rank, 0..9223372036854775807; the highest for the first page
-- before_id   bigint       and with its id, 0..9223372036854775807; the highest for the first page
-- page_size   bigint       rows at most, 1..1000
-- returns     Found        0..page_size rows
WITH typed AS (
    SELECT websearch_to_tsquery('simple', message_text(
        -- one minus for a run of them: the server's parser nests them, and runs out of room at 33
        regexp_replace(translate(:'query', '“”„«»', '"""""'), '-[-\s]*-', '-', 'g')
    )) AS words
),

asked AS (
    SELECT
        words,
        -- the marks of message_words: typed words are lowered, none is ever taken for one
        COALESCE(words && NULLIF(concat_ws(
            ' & ', 'C' || NULLIF(:'chat_id'::bigint, 0), 'U' || NULLIF(:'user_id'::bigint, 0)
        ), '')::tsquery, words) AS scoped,
        highest,
        highest >> 13 AS bucket
    FROM typed
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN :'order' = 'newest' AND :'before_id' < 9223372036854775807 THEN :'before_id'::bigint - 1
            ELSE COALESCE(
                (SELECT max(id) FROM messages WHERE chat_id = :'chat_id' AND deleted_at IS NULL),
                pg_sequence_last_value('messages_id_seq')
            )
        END AS highest
    ) AS h
    WHERE numnode(words) > 0
),

part AS (
    -- everybody's words fill the LIMIT below from the newest buckets, and the rest is not read
    SELECT
        words,
        COALESCE(
            scoped && (
                SELECT string_agg('B' || n, ' | ') FROM generate_series(bucket - oldest, bucket - newest) AS n
            )::tsquery,
            scoped
        ) AS wanted,
        COALESCE(bucket - oldest << 13, 0) AS lowest,
        LEAST(highest, (bucket - newest + 1 << 13) - 1) AS highest
    FROM asked
    CROSS JOIN (VALUES (0, 3), (4, 15), (16, NULL)) AS v (newest, oldest)
),

found AS (
    SELECT
        m.chat_id, m.id, m.user_id, m.message_thread_id, m.role, m.kind, m.content, m.length, m.telegram_message_id,
        m.reply_to_id, m.media_group_id, m.sender_chat_id, m.forward_date, m.delivery, m.sent_at, m.edited_at,
        m.created_at, m.deleted_at,
        CASE
            WHEN :'order' = 'newest' THEN 0
            ELSE (1000000 * ts_rank(message_words(m.content, m.chat_id, m.user_id, m.id), part.words))::bigint
        END AS rank
    FROM part
    CROSS JOIN LATERAL (
        SELECT
            chat_id, id, user_id, message_thread_id, role, kind, content, length,
            telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
            forward_date, delivery, sent_at, edited_at, created_at, deleted_at
        FROM messages
        WHERE message_words(content, chat_id, user_id, id) @@ part.wanted
          AND id BETWEEN part.lowest AND part.highest
          -- IN: by an equality the planner may read all of a chat
          AND :'chat_id' IN (0, chat_id)
          AND :'user_id' IN (0, user_id)
          AND :'role' IN ('', role)
          AND sent_at >= COALESCE(:'since', '-infinity'::timestamptz)
          AND sent_at < COALESCE(:'until', 'infinity'::timestamptz)
          AND deleted_at IS NULL
        ORDER BY id DESC
        LIMIT CASE WHEN :'order' = 'newest' THEN :'page_size'::bigint ELSE 500 END
    ) AS m
    LIMIT CASE WHEN :'order' = 'newest' THEN :'page_size'::bigint ELSE 500 END
)

SELECT
    chat_id, id, user_id, message_thread_id, role, kind, content, length,
    telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
    forward_date, delivery, sent_at, edited_at, created_at, deleted_at, rank
FROM found
WHERE :'order' = 'newest'
   OR (rank, id) < (:'below_rank', :'before_id')
ORDER BY CASE WHEN :'order' = 'newest' THEN 0 ELSE rank END DESC, id DESC
LIMIT :'page_size';
