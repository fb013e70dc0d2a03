import tseslint from 'typescript-eslint';

/**
 * The rooms of docs/DESIGN.md, lowest first: a file may import from its own room and from rooms of a lower
 * number, never upwards and never sideways to a room of the same number.
 */
const ROOMS = {
  'src/base': 0,
  'src/domain': 1,
  'src/sources': 2,
  'src/store': 2,
  'src/embedded': 2,
  'src/simulator': 2,
  queues: 3,
  workers: 4,
  'src/dashboard': 4,
  'src/cli': 5,
};

const roomRules = Object.entries(ROOMS).map(([room, level]) => ({
  files: [`${room}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: Object.entries(ROOMS)
          .filter(([other, otherLevel]) => other !== room && otherLevel >= level)
          .map(([other]) => ({
            regex: `^(\\.\\./)+${other.replace('src/', '(src/)?')}/`,
            message: `${room} may not import from ${other}: imports only point downwards (docs/DESIGN.md, Rooms).`,
          })),
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ['node_modules', 'data', 'coverage'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  { files: ['src/cli/**/*.ts', 'test/**/*.ts', 'src/simulator/**/*.ts'], rules: { 'no-console': 'off' } },
  ...roomRules,
);
