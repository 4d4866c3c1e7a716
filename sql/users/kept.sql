-- How much is kept about a person, across chats and bots: what an erasure would remove.
--
-- Rows with deleted_at count, and are counted once more as hidden; so do all messages in their private chats.
--
-- telegram_user_id  bigint  Telegram's id of the person, and of the chats, 1..9223372036854775807
-- returns           Kept    1 row
WITH person AS (
    SELECT id, deleted_at
    FROM users
    WHERE telegram_user_id = :'telegram_user_id'
),

own AS (
    SELECT id, deleted_at
    FROM chats
    WHERE type = 'private'
      -- bot 0 is the terminal, each of whose conversations is its one person's
      AND (telegram_chat_id = :'telegram_user_id' OR (bot_id = 0 AND :'telegram_user_id'::bigint = 1))
),

said AS (
    SELECT
        m.chat_id, m.id, m.edited_at, m.deleted_at
    FROM messages AS m
    WHERE m.user_id = (SELECT person.id FROM person)
    UNION ALL
    SELECT
        m.chat_id, m.id, m.edited_at, m.deleted_at
    FROM own
    INNER JOIN messages AS m
        ON m.chat_id = own.id
        AND m.user_id IS DISTINCT FROM (SELECT person.id FROM person)
)

SELECT
    (SELECT count(*) FROM person) AS users,
    (SELECT count(*) FROM own) AS chats,
    (SELECT count(*) FROM said) AS messages,
    (
        -- only an edited message has versions
        SELECT count(*)
        FROM said
        INNER JOIN message_versions AS v
            ON v.chat_id = said.chat_id
            AND v.message_id = said.id
        WHERE said.edited_at IS NOT NULL
    ) AS versions,
    (
        -- as erase_updates finds those that wait; one that was set aside counts where they sent it
        SELECT count(*)
        FROM updates
        WHERE state IN ('pending', 'running', 'failed')
          AND :'telegram_user_id' IN (telegram_user_id, telegram_chat_id)
    ) AS updates,
    (SELECT count(*) FROM states WHERE :'telegram_user_id' IN (telegram_user_id, telegram_chat_id)) AS states,
    (SELECT count(*) FROM usage WHERE user_id = (SELECT person.id FROM person)) AS usage,
    (SELECT count(*) FROM preferences WHERE user_id = (SELECT person.id FROM person)) AS preferences,
    (SELECT count(*) FROM throttles WHERE user_id = (SELECT person.id FROM person)) AS throttles,
    (SELECT count(*) FROM person WHERE deleted_at IS NOT NULL) AS hidden_users,
    (SELECT count(*) FROM own WHERE deleted_at IS NOT NULL) AS hidden_chats,
    (SELECT count(*) FROM said WHERE deleted_at IS NOT NULL) AS hidden_messages;
