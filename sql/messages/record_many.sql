-- Stores what several calls of record bring, where there is nothing to it but the message: one statement and commit.
--
-- Each place in the lists is a call. What has no row here is settled by record, on its own: a person or a chat that is
-- new, changed, deleted, blocked, locked at the moment or another one by now, a message that is stored already, and
-- what is refused. So this one revives nobody, and waits for nobody but who stores a message of the same Telegram id at
-- the moment.
--
-- bot_ids                  bigint[]       Telegram's id of the bot; 0 for the terminal
-- telegram_user_ids        bigint[]       0 for none, as in a channel
-- usernames                text[]         '' for none, as in all texts but content
-- first_names              text[]
-- last_names               text[]
-- language_codes           text[]
-- telegram_chat_ids        bigint[]
-- chat_types               text[]
-- chat_titles              text[]
-- business_connection_ids  text[]
-- telegram_message_ids     bigint[]       0 for none: then it is always new
-- message_thread_ids       bigint[]       0 outside topics
-- roles                    text[]         system, user, assistant
-- kinds                    text[]         Telegram's word: text, photo, voice, rich_message ...
-- contents                 text[]
-- reply_to_ids             bigint[]       botcore's id; 0 for none
-- reply_to_message_ids     bigint[]       or Telegram's, of this chat; 0 for none
-- media_group_ids          text[]         the album's
-- sender_chat_ids          bigint[]       Telegram's id of the chat that speaks in place of a person; 0 for none
-- forward_dates            timestamptz[]  when a forwarded message was first sent; infinity for none
-- sent_ats                 timestamptz[]  Telegram's date
-- edited_ats               timestamptz[]  Telegram's edit_date; infinity for none
-- returns                  Recorded       0.. rows and n, the call's place in the lists from 1 on
WITH given AS (
    SELECT
        -- in the order of the calls, whatever order the rows are written in
        nextval('messages_id_seq') AS id,
        n, bot_id, telegram_user_id, username, first_name, last_name, language_code,
        telegram_chat_id, chat_type, chat_title, business_connection_id, telegram_message_id,
        message_thread_id, role, kind, content, reply_to_id, reply_to_message_id, media_group_id,
        sender_chat_id, forward_date, sent_at, edited_at
    FROM unnest(
        :'bot_ids'::bigint[], :'telegram_user_ids'::bigint[], :'usernames'::text[], :'first_names'::text[],
        :'last_names'::text[], :'language_codes'::text[], :'telegram_chat_ids'::bigint[], :'chat_types'::text[],
        :'chat_titles'::text[], :'business_connection_ids'::text[], :'telegram_message_ids'::bigint[],
        :'message_thread_ids'::bigint[], :'roles'::text[], :'kinds'::text[], :'contents'::text[],
        :'reply_to_ids'::bigint[], :'reply_to_message_ids'::bigint[], :'media_group_ids'::text[],
        :'sender_chat_ids'::bigint[], :'forward_dates'::timestamptz[], :'sent_ats'::timestamptz[],
        :'edited_ats'::timestamptz[]
    ) WITH ORDINALITY AS g (
        bot_id, telegram_user_id, username, first_name, last_name, language_code, telegram_chat_id, chat_type,
        chat_title, business_connection_id, telegram_message_id, message_thread_id, role, kind, content, reply_to_id,
        reply_to_message_id, media_group_id, sender_chat_id, forward_date, sent_at, edited_at, n
    )
),

known_chat AS (
    SELECT g.n, c.id
    FROM given AS g
    INNER JOIN chats AS c
        ON c.bot_id = g.bot_id
        AND c.telegram_chat_id = g.telegram_chat_id
        AND c.business_connection_id = g.business_connection_id
    WHERE c.deleted_at IS NULL
      AND c.blocked_at IS NULL
      AND (c.type, c.title) IS NOT DISTINCT FROM (g.chat_type, NULLIF(g.chat_title, ''))
    -- one that became another chat is deleted; the lock is that which the foreign key takes anyway
    FOR KEY SHARE OF c SKIP LOCKED
),

known_user AS (
    SELECT g.n, u.id
    FROM given AS g
    INNER JOIN users AS u ON u.telegram_user_id = g.telegram_user_id
    WHERE u.deleted_at IS NULL
      AND (u.username, u.first_name, u.last_name, u.language_code) IS NOT DISTINCT FROM
      (
          NULLIF(g.username, ''), g.first_name, NULLIF(g.last_name, ''), NULLIF(g.language_code, '')
      )
    FOR KEY SHARE OF u SKIP LOCKED
),

settled AS (
    SELECT
        g.n, c.id AS chat_id, u.id AS user_id, r.id AS reply_to_id,
        -- what came later in a chat is not stored before what is left over
        bool_and(
            c.id IS NOT NULL AND (u.id IS NOT NULL OR g.telegram_user_id <> 0 IS NOT TRUE) AND p.until IS NULL
        ) OVER (PARTITION BY g.telegram_chat_id ORDER BY g.n) AS is_simple
    FROM given AS g
    LEFT JOIN known_chat AS c ON c.n = g.n
    LEFT JOIN known_user AS u ON u.n = g.n
    LEFT JOIN messages AS r ON r.chat_id = c.id AND r.telegram_message_id = g.reply_to_message_id
    LEFT JOIN LATERAL (
        SELECT max(until) AS until
        FROM refusals
        WHERE person IN (person_digest(g.telegram_user_id), person_digest(g.telegram_chat_id))
          AND until >= g.sent_at
    ) AS p ON TRUE
),

new_message AS (
    INSERT INTO messages (
        id, chat_id, user_id, message_thread_id, role, kind, content, telegram_message_id, reply_to_id,
        media_group_id, sender_chat_id, forward_date, sent_at, edited_at
    )
    OVERRIDING SYSTEM VALUE
    SELECT
        g.id, s.chat_id, s.user_id, g.message_thread_id, g.role, g.kind, g.content,
        NULLIF(g.telegram_message_id, 0) AS telegram_message_id,
        COALESCE(NULLIF(g.reply_to_id, 0), s.reply_to_id) AS reply_to_id,
        NULLIF(g.media_group_id, '') AS media_group_id, NULLIF(g.sender_chat_id, 0) AS sender_chat_id,
        NULLIF(g.forward_date, 'infinity') AS forward_date, g.sent_at,
        NULLIF(g.edited_at, 'infinity') AS edited_at
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
    m.deleted_at, TRUE AS is_new, g.n
FROM new_message AS m
INNER JOIN given AS g ON g.id = m.id;
