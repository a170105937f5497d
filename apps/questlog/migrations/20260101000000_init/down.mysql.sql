-- Drops everything, children before parents.

DROP TABLE `progress`;
DROP TABLE `goals`;
DROP TABLE `modules`;
DROP TABLE `users`;
