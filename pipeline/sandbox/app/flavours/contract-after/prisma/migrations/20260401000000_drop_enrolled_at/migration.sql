/*
  Warnings:

  - You are about to drop the column `enrolledAt` on the `Enrolment` table. All the data in the column will be lost.

*/
-- AlterTable
ALTER TABLE "Enrolment" DROP COLUMN "enrolledAt";
