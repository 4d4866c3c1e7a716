-- Stores what several calls of add bring, where there is nothing to it but the message: one statement and one commit.
--
-- Each place in the lists is a call. What has no row here is settled by add, on its own: where the chat or the person
-- is deleted, unknown, locked at the moment or another one by now, and what is stored already, refused or not claimed.
--
-- chat_ids              bigint[]       botcore's id of the chat
-- user_ids              bigint[]       botcore's id of the person the bot talks with; 0 for none
-- message_thread_ids    bigint[]       the topic; 0 outside topics
-- roles                 text[]         system, user or assistant
-- contents              text[]
-- telegram_chat_ids     bigint[]       where it was sent to, if the chat may have become another one since; or 0
-- telegram_message_ids  bigint[]       Telegram's id of the message there; 0 for none
-- reply_to_ids          bigint[]       botcore's id of the message that this one answers; 0 for none
-- deliveries            text[]         pending or unconfirmed, of what is to be sent; '' for what is not
-- bot_ids               bigint[]       whose update it is that this answers; 0 for none
-- update_ids            bigint[]       the update's number
-- claimants             text[]         the worker that has the update; '' for no update
-- sent_ats              timestamptz[]  Telegram's date; infinity for now
-- returns               Message        0.. rows and n, the call's place in the lists from 1 on
WITH given AS (
    SELECT
        -- in the order of the calls, whatever order the rows are written in
        nextval('messages_id_seq') AS id,
        g.n, g.chat_id, g.user_id, g.message_thread_id, g.role, g.content, g.telegram_chat_id, g.telegram_message_id,
        g.reply_to_id, g.delivery, g.bot_id, g.update_id, g.claimed_by,
        COALESCE(NULLIF(g.sent_at, 'infinity'), now()) AS sent_at
    FROM unnest(
        :'chat_ids'::bigint[], :'user_ids'::bigint[], :'message_thread_ids'::bigint[], :'roles'::text[],
        :'contents'::text[], :'telegram_chat_ids'::bigint[], :'telegram_message_ids'::bigint[],
        :'reply_to_ids'::bigint[], :'deliveries'::text[], :'bot_ids'::bigint[], :'update_ids'::bigint[],
        :'claimants'::text[], :'sent_ats'::timestamptz[]
    ) WITH ORDINALITY AS g (
        chat_id, user_id, message_thread_id, role, content, telegram_chat_id, telegram_message_id, reply_to_id,
        delivery, bot_id, update_id, claimed_by, sent_at, n
    )
),

known_chat AS (
    SELECT g.n, c.id
    FROM given AS g
    INNER JOIN chats AS c ON c.id = g.chat_id
    WHERE c.deleted_at IS NULL
      AND COALESCE(g.telegram_chat_id, 0) IN (0, c.telegram_chat_id)
    -- the lock that the foreign key takes anyway
    FOR KEY SHARE OF c SKIP LOCKED
),

known_user AS (
    SELECT g.n, u.id
    FROM given AS g
    INNER JOIN users AS u ON u.id = g.user_id
    WHERE u.deleted_at IS NULL
      AND NOT EXISTS (
          SELECT FROM refusals
          WHERE person = person_digest(u.telegram_user_id)
            AND until >= g.sent_at
      )
    FOR KEY SHARE OF u SKIP LOCKED
),

claim AS (
    SELECT g.n
    FROM given AS g
    INNER JOIN updates
        ON updates.bot_id = g.bot_id
        AND updates.update_id = g.update_id
        AND updates.worker = g.claimed_by
    WHERE updates.state = 'running'
    FOR SHARE OF updates SKIP LOCKED
),

settled AS (
    SELECT
        g.n, u.id AS user_id,
        -- what came later in a chat is not stored before what is left over
        bool_and(
            c.id IS NOT NULL
            AND (u.id IS NOT NULL OR COALESCE(g.user_id, 0) = 0)
            AND (claim.n IS NOT NULL OR COALESCE(g.claimed_by, '') = '')
        ) OVER (PARTITION BY g.chat_id ORDER BY g.n) AS is_simple
    FROM given AS g
    LEFT JOIN known_chat AS c ON c.n = g.n
    LEFT JOIN known_user AS u ON u.n = g.n
    LEFT JOIN claim ON claim.n = g.n
),

new_message AS (
    INSERT INTO messages (
        id, chat_id, user_id, message_thread_id, role, content, telegram_message_id, reply_to_id, delivery, sent_at
    )
    OVERRIDING SYSTEM VALUE
    SELECT
        g.id, g.chat_id, s.user_id, g.message_thread_id, g.role, g.content,
        NULLIF(g.telegram_message_id, 0) AS telegram_message_id, NULLIF(g.reply_to_id, 0) AS reply_to_id,
        NULLIF(g.delivery, '') AS delivery, g.sent_at
    FROM given AS g
    INNER JOIN settled AS s ON s.n = g.n
    WHERE s.is_simple
    -- by the unique key: two of these with the same messages in another order would wait for each other
    ORDER BY chat_id, telegram_message_id
    ON CONFLICT (chat_id, telegram_message_id) WHERE telegram_message_id IS NOT NULL DO NOTHING
    RETURNING
        chat_id, id, user_id, message_thread_id, role, kind, content, length,
        telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
        forward_date, delivery, sent_at, edited_at, created_at, deleted_at
)

SELECT
    m.chat_id, m.id, m.user_id, m.message_thread_id, m.role, m.kind, m.content, m.length, m.telegram_message_id,
    m.reply_to_id, m.media_group_id, m.sender_chat_id, m.forward_date, m.delivery, m.sent_at, m.edited_at, m.created_at,
    m.deleted_at, g.n
FROM new_message AS m
INNER JOIN given AS g ON g.id = m.id;
