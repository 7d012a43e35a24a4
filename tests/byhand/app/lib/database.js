export const database = process.env.DATABASE_URL;
