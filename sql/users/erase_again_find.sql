-- Telegram's ids of those people, or of their private chats, that are stored though they have one of these digests.
--
-- It looks at deleted_at nowhere: hidden people are erased, too. It reads all people and all private chats.
--
-- persons  text    digests with commas between
-- returns  Person  0.. rows
SELECT
    known.person, known.telegram_user_id
FROM (
    SELECT person_digest(telegram_user_id) AS person, telegram_user_id
    FROM users
    UNION
    SELECT person_digest(telegram_chat_id) AS person, telegram_chat_id AS telegram_user_id
    FROM chats
    WHERE type = 'private'
) AS known
WHERE known.person = ANY(string_to_array(:'persons', ','));
